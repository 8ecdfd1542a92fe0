/* The prepared form of a model: ONNX Runtime's own format, written after all optimizations, so that the next process of the model neither
   parses nor optimizes, and finds the weights where they lie. */
#ifndef VERONNX_INFER_PREPARE_H
#define VERONNX_INFER_PREPARE_H

#include "infer/ort.h"

/* From a sealed file of at most `max` bytes, which was scanned; `ret_fd`, owned by the caller, is a sealed memory file. ERR_PROTOCOL for a
   file that is not sealed; what loading a model says; ERR_IO when the form is longer than this process may write. */
err_t prepare_model(OrtEnv *env, int file_fd, uint64_t max, int *ret_fd);

#endif
