/* The head of a request: target and header fields in one bounded block of memory, and the rules that hold for every
   version of HTTP (RFC 9110). */
#ifndef VERONNX_FRONT_HEAD_H
#define VERONNX_FRONT_HEAD_H

#include "front/body.h"
#include "front/http.h"

/* Fields that this server looks at, or whose repetition would mean two things at once: they may stand once. */
enum known {
    KNOWN_HOST,
    KNOWN_CONTENT_LENGTH,
    KNOWN_TRANSFER_ENCODING,
    KNOWN_CONTENT_ENCODING,
    KNOWN_CONTENT_TYPE,
    KNOWN_EXPECT,
    KNOWN_AUTHORIZATION,
    KNOWN_REQUEST_ID,
    KNOWN_JSON_LENGTH,
    KNOWN_COUNT_
};

struct head_field {
    struct view name;
    struct view value;
};

struct head {
    uint8_t *bytes; /* where all texts lie; the owner's */
    size_t size;
    size_t used;
    struct view target;
    unsigned n_fields;
    struct head_field fields[HTTP_FIELDS_MAX];
    struct view known[KNOWN_COUNT_]; /* set by head_check; .data NULL when absent */
};

/* Empty, over a block of `size` bytes. */
void head_init(struct head *h, uint8_t *bytes, size_t size);

/* Adds a piece to a text of the head: to `target`, or to the name or value that head_next began. A text is complete
   before the next one begins. ERR_HEADERS_TOO_LARGE when the block is full. */
err_t head_put(struct head *h, struct view *text, struct view piece);

/* Drops the blanks at the end of a value (RFC 9110 §5.5). */
void head_trim(struct view *value);

/* Begins a field; ERR_HEADERS_TOO_LARGE when there are HTTP_FIELDS_MAX already. */
err_t head_next(struct head *h, struct head_field **ret);

/* The rules: known fields stand once, the target is a path. Fills `known`. ERR_BAD_REQUEST, ERR_MEDIA_TYPE,
   ERR_TARGET_TOO_LONG. */
err_t head_check(struct head *h, struct why *why);

/* What `known` says: the coding of the body, and whether the client waits for 100 Continue. ERR_MEDIA_TYPE and
   ERR_BAD_REQUEST for other values. */
err_t head_coding(const struct head *h, enum coding *ret);
err_t head_expects(const struct head *h, bool *ret);

/* The first field of that name (lower case); .data NULL when there is none. */
struct view head_find(const struct head *h, const char *name);

/* Compares with a lower-case text, without regard to the case of `text`. */
bool text_is(struct view text, const char *lower);

#endif
