/* What a model takes and gives, in the words of the Open Inference Protocol and of Triton's configuration. */
#ifndef VERONNX_TENSOR_OIP_META_H
#define VERONNX_TENSOR_OIP_META_H

#include "tensor/desc.h"

/* GET /v2/models/{m}: appends the metadata. A dimension that the model leaves open is -1; a shape of which not even the
   rank is declared is [-1]. What the protocol cannot carry has a datatype of its own: SEQUENCE, MAP. ERR_NOMEM,
   ERR_TOO_LARGE. */
err_t oip_metadata_write(const struct signature *s, struct view model_name, struct buf *out);

/* GET /v2/models/{m}/config: the same as Triton's ModelConfig. */
err_t oip_config_write(const struct signature *s, struct view model_name, unsigned instances, struct buf *out);

#endif
