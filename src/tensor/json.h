/* Reading JSON (RFC 8259) with yyjson inside limits: depth before anything is allocated, then memory. */
#ifndef VERONNX_TENSOR_JSON_H
#define VERONNX_TENSOR_JSON_H

#include "base/buf.h"

#include <yyjson.h>

#define JSON_PAD YYJSON_PADDING_SIZE

/* True when arrays and objects are nested more than `max` deep. One pass, no memory; for text that is not JSON the
   answer holds as far as a parser would get. */
bool json_too_deep(struct view text, unsigned max);

/* Parses `len` bytes in place: they are overwritten, JSON_PAD bytes behind them too, and the document refers to them.
   Integers beyond 64 bits and reals beyond double become YYJSON_TYPE_RAW. `ret_memory`: bytes that were allocated for
   the document, never more than `max_memory`, also while it is read. ERR_BAD_JSON, ERR_JSON_TOO_DEEP, ERR_TOO_LARGE
   (max_memory), ERR_NOMEM. */
err_t json_read(uint8_t *text, size_t len, unsigned max_depth, size_t max_memory, yyjson_doc **ret, size_t *ret_memory);
/* Accepts NULL in the variable. */
void json_done(yyjson_doc **doc);

struct json_name {
    const char *text;
    size_t len;
};
#define JSON_NAME(literal)                                                                                             \
    {                                                                                                                  \
        literal, sizeof(literal) - 1                                                                                   \
    }

/* Sets ret[i] to the object's field names[i], or to NULL when it has none; other fields are ignored. ERR_FIELD_TYPE
   when `object` is not an object; ERR_FIELD_DUPLICATE when a named field stands twice, then ret_twice is its index. */
err_t json_fields(yyjson_val *object, const struct json_name *names, size_t count, yyjson_val **ret, size_t *ret_twice);

/* The bytes of a string or of a raw number. */
static inline struct view json_bytes(yyjson_val *v)
{
    return view_of(unsafe_yyjson_get_str(v), unsafe_yyjson_get_len(v));
}

#endif
