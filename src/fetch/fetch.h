/* The process that brings blocks: untrusted by design, for whoever asks checks every block. It serves each infer
   process over one stream of wire/block.h, from a store of blocks on disk. */
#ifndef VERONNX_FETCH_FETCH_H
#define VERONNX_FETCH_FETCH_H

/* `--store DIR`. Runs on the inherited descriptors (3 control, 4 log) until the control channel ends. Returns the
   exit status. */
int fetch_main(int argc, char **argv);

#endif
