/* Values in a shared area: where each payload lies, and what it looks like inside.
   Payloads follow each other in the order of their descriptors, each at the next multiple of VALUE_ALIGN, so lengths
   alone say where they are. Fixed-size elements: little-endian, row-major. String elements: u32le length, bytes.
   Sequence: TAG_SEQUENCE, u64le count, items (a tensor as an item: u8 rank, u64le dims, elements). Map: TAG_MAP, u64le
   count, pairs of one key element and one value element, sorted by the bytes of the encoded key, keys distinct. An
   absent optional value: no bytes. */
#ifndef VERONNX_TENSOR_VALUES_H
#define VERONNX_TENSOR_VALUES_H

#include "tensor/desc.h"

#define VALUE_ALIGN 64
/* Longest encoding of a set: descriptors, a length each, and the length of the descriptors. */
#define VALUE_SET_MAX_BYTES (DESC_MAX_BYTES + 8 * DESC_MAX_COUNT + 4)

struct value_place {
    size_t offset;
    size_t len;
};

/* Described values and their places in an area of at least `total` bytes. Owns its memory. */
struct value_set {
    struct desc_list descs;
    struct value_place *places; /* descs.count of them */
    size_t total;
};

/* Lays values of `lens[i]` bytes out. ERR_MALFORMED when a length does not fit its descriptor (exact for fixed-size
   elements, at least the minimum for others), ERR_TOO_LARGE when `total` would exceed `max_total`. */
err_t value_set_make(const struct value_desc *items, size_t count, const uint64_t *lens, size_t max_total,
                     struct value_set *ret);
/* As it stands in a message: u32le length of the descriptors, descriptors, u64le length of each payload. */
err_t value_set_encode(const struct value_set *s, struct buf *out);
/* Strict; the checks of value_set_make. */
err_t value_set_parse(struct view encoded, size_t max_total, struct value_set *ret);
/* Accepts a zeroed struct. */
void value_set_done(struct value_set *s);

/* Checks a payload that nobody else can change any more: structure to the last byte, booleans 0 or 1. ERR_MALFORMED. */
err_t payload_check(const struct value_desc *d, struct view payload);

/* Copies out of memory that another process may be changing: each byte is read once, whatever the compiler knows. */
void area_copy(void *to, const uint8_t *from, size_t n);

/* Writes one payload, or, with `data` NULL, counts its bytes: one piece of code measures and writes. */
struct payload {
    uint8_t *data;
    size_t len;
    size_t max; /* ERR_TOO_LARGE above it */
};

err_t payload_put(struct payload *p, const void *bytes, size_t n);
err_t payload_put_string(struct payload *p, struct view text);
err_t payload_put_sequence(struct payload *p, uint64_t count);
/* Before the elements of a tensor that is an item of a sequence. */
err_t payload_put_item(struct payload *p, uint8_t rank, const int64_t *dims);

/* One pair: bytes of the key and of the value, without length prefixes (8 bytes for int64). */
struct map_pair {
    struct view key;
    struct view value;
};
/* Sorts `pairs`, then writes the map of the given type. ERR_MALFORMED when two keys are equal. */
err_t payload_put_map(struct payload *p, const struct value_type *type, struct map_pair *pairs, size_t count);

#endif
