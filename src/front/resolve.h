/* What a model is called. */
#ifndef VERONNX_FRONT_RESOLVE_H
#define VERONNX_FRONT_RESOLVE_H

#include "wire/conf.h"

/* The model that a client names by an alias of the configuration, or by a CID, perhaps with a path: the errors of
   model_id_parse, and ERR_MODEL_NOT_PINNED for what could be an alias but is none. Whether this node serves it is for the supervisor to say. */
err_t model_resolve(const struct conf *conf, struct view name, struct wire_model *ret, struct why *why);

#endif
