/* What a loaded model says about its inputs and outputs. */
#ifndef VERONNX_INFER_META_H
#define VERONNX_INFER_META_H

#include "infer/session.h"

/* Fills the signature and the names of a session whose `ort` is set. Inputs stand in the order of the graph, then the
   initializers that a request may override. A rank of 0 counts as unknown: this interface of ONNX Runtime does not tell
   a scalar from a shape that was never declared. */
err_t meta_read(struct session *s, struct why *why);
/* Frees what meta_read filled, wholly or in part. */
void meta_done(struct session *s);

#endif
