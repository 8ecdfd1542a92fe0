/* What a model is called. */
#ifndef VERONNX_FRONT_RESOLVE_H
#define VERONNX_FRONT_RESOLVE_H

#include "wire/conf.h"

/* The model that a client names by an alias of the configuration, or by a CID, perhaps with a path: the errors of
   model_id_parse, and ERR_MODEL_NOT_PINNED for what could be an alias but is none. Whether this node serves it is for the supervisor to say. */
err_t model_resolve(const struct conf *conf, struct view name, struct wire_model *ret, struct why *why);

/* What names stood for, zeroed at first: most requests repeat one, and a CID in base58 takes long to read. */
#define RESOLVED_ROWS 16
#define RESOLVED_NAME 128 /* longer ones are not kept */
struct resolved {
    struct {
        uint8_t name[RESOLVED_NAME];
        size_t len; /* 0: free */
        struct wire_model model;
    } rows[RESOLVED_ROWS];
};

/* The same, for one configuration. */
err_t resolved_find(struct resolved *r, const struct conf *conf, struct view name, struct wire_model *ret,
                    struct why *why);

#endif
