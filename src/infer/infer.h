/* veronnx-infer: one process, one model. It pulls the model's blocks and believes none, seals the file, gives up the
   channel to the fetcher, loads the model into ONNX Runtime, and answers jobs until its control channel ends. */
#ifndef VERONNX_INFER_INFER_H
#define VERONNX_INFER_INFER_H

/* Descriptor 3: CHAN_INFER; descriptor 4: the log. Environment: LOCPATH (where en_US.UTF-8 lies) and ONNXRUNTIME_ROOT
   (the library of ONNX Runtime, or a folder that has it); both may be absent. Working directory: empty. Does not
   return: the process ends with status 0 when the supervisor closed the channel or after INFER_FAILED, else with 1. */
int infer_main(void);

#endif
