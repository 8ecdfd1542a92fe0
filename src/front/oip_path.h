/* Paths of the Open Inference Protocol: /v2/models/{name}[/versions/{version}][/{verb}] and the others. */
#ifndef VERONNX_FRONT_OIP_PATH_H
#define VERONNX_FRONT_OIP_PATH_H

#include "base/buf.h"

enum oip_what {
    OIP_NOTHING,
    OIP_SERVER,
    OIP_LIVE,
    OIP_READY,
    OIP_MODELS,
    OIP_ALL_STATS,
    OIP_INDEX,
    OIP_MODEL,
    OIP_MODEL_READY,
    OIP_INFER,
    OIP_CONFIG,
    OIP_STATS,
    OIP_LOAD,
    OIP_UNLOAD,
    OIP_WHAT_COUNT_
};

struct oip_path {
    enum oip_what what;
    struct view name;    /* of a model, not percent-decoded; it may have slashes */
    struct view version; /* .data NULL: none */
};

/* OIP_NOTHING for any other path. A name that ends like a verb must have that slash encoded. */
struct oip_path oip_path_parse(struct view path);

/* RFC 3986 §2.1, into `room` bytes. ERR_BAD_REQUEST for a percent sign without two hex digits, and for NUL;
 * ERR_TOO_LARGE. */
err_t percent_decode(struct view text, uint8_t *ret, size_t room, size_t *ret_len);

#endif
