/* CBOR (RFC 8949): a writer of the core deterministic encoding (§4.2.1) and a strict reader. Neither allocates.

   Both know only what our formats use: integers, byte and text strings, arrays, maps, tags, null, false and true. The writer makes
   shortest heads and definite lengths unless told otherwise; that map keys come in ascending order is up to its caller. The reader takes
   exactly that encoding and refuses the rest of CBOR: longer heads, indefinite lengths, floats, other simple values,
   map keys that are not integers or strings or not strictly ascending, text that is not UTF-8, more than
   CBOR_DEPTH_MAX open containers. */
#ifndef VERONNX_RECEIPT_CBOR_H
#define VERONNX_RECEIPT_CBOR_H

#include "base/buf.h"

#define CBOR_DEPTH_MAX 8

/* Bytes of a head whose argument is `n`; a constant when `n` is one. */
#define CBOR_HEAD_LEN(n) ((n) < 24 ? 1 : (n) <= UINT8_MAX ? 2 : (n) <= UINT16_MAX ? 3 : (n) <= UINT32_MAX ? 5 : 9)

enum cbor_major { CBOR_UINT, CBOR_NINT, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG, CBOR_SIMPLE };

/* ── writer ── */

/* Fills the caller's bytes. What does not fit is counted, not written: `len` > `cap` says how much room was needed. */
struct cbor_writer {
    uint8_t *data;
    size_t cap;
    size_t len;
};

static inline struct cbor_writer cbor_writer_on(uint8_t *data, size_t cap)
{
    return (struct cbor_writer){.data = data, .cap = cap};
}

void cbor_put_uint(struct cbor_writer *w, uint64_t n);
void cbor_put_int(struct cbor_writer *w, int64_t n);
void cbor_put_bytes(struct cbor_writer *w, struct view bytes);
/* `text` must be UTF-8. */
void cbor_put_text(struct cbor_writer *w, struct view text);
/* Opens an array of `n` items, a map of `n` pairs; the next puts are its content. */
void cbor_put_array(struct cbor_writer *w, uint64_t n);
void cbor_put_map(struct cbor_writer *w, uint64_t n);
void cbor_put_tag(struct cbor_writer *w, uint64_t tag);
void cbor_put_null(struct cbor_writer *w);
void cbor_put_bool(struct cbor_writer *w, bool value);
/* A map of indefinite length, as foreign formats have it: pairs, then the break. */
void cbor_put_map_open(struct cbor_writer *w);
void cbor_put_break(struct cbor_writer *w);
/* One item that is encoded already. */
void cbor_put_encoded(struct cbor_writer *w, struct view item);

/* The bytes written (borrowed from the caller's memory); ERR_TOO_LARGE when they did not all fit. */
err_t cbor_written(const struct cbor_writer *w, struct view *ret_bytes);

/* ── reader ── */

/* What a foreign format may do beyond the deterministic encoding. */
enum cbor_allow {
    CBOR_DETERMINISTIC = 0,
    CBOR_ALLOW_INDEFINITE_MAPS = 1,
    CBOR_ALLOW_ANY_KEY_ORDER = 2, /* duplicate keys are then the caller's to refuse */
};

struct cbor_level {
    uint64_t left; /* items still to come; in a map two a pair */
    bool map;
    bool indefinite;
    struct view last_key; /* of a map, encoded */
};

/* Reads one item, piece by piece, from bytes that it borrows. After an error it must not be used again.
   Errors of all getters: ERR_TRUNCATED, ERR_TOO_LARGE (a caller's limit or the depth), ERR_MALFORMED (all else). */
struct cbor_reader {
    struct view rest;
    unsigned allow;
    unsigned depth;
    struct cbor_level level[CBOR_DEPTH_MAX + 1];
};

struct cbor_reader cbor_reader_on(struct view bytes, unsigned allow);

err_t cbor_get_uint(struct cbor_reader *r, uint64_t max, uint64_t *ret_n);
err_t cbor_get_int(struct cbor_reader *r, int64_t *ret_n);
/* Borrowed from the bytes that are read. */
err_t cbor_get_bytes(struct cbor_reader *r, size_t max, struct view *ret_bytes);
err_t cbor_get_text(struct cbor_reader *r, size_t max, struct view *ret_text);
/* A byte string of exactly `n` bytes, copied. */
err_t cbor_get_fixed(struct cbor_reader *r, void *ret_bytes, size_t n);
err_t cbor_get_null(struct cbor_reader *r);
err_t cbor_get_bool(struct cbor_reader *r, bool *ret_value);
/* This tag and no other; its content is read next. */
err_t cbor_get_tag(struct cbor_reader *r, uint64_t tag);
/* Opens the next item, of at most `max` items or pairs (a map of indefinite length: of any number). */
err_t cbor_enter_array(struct cbor_reader *r, uint64_t max);
err_t cbor_enter_map(struct cbor_reader *r, uint64_t max);
/* Whether the open container (at depth 0: the bytes) has another item. */
bool cbor_more(const struct cbor_reader *r);
/* Closes the open container, which must have been read to its end. */
err_t cbor_leave(struct cbor_reader *r);
/* The item must have been read and nothing may follow it. */
err_t cbor_end(const struct cbor_reader *r);

/* Whether the next item is of this type, this unsigned integer. Reads nothing. */
bool cbor_at(const struct cbor_reader *r, enum cbor_major major);
bool cbor_at_uint(const struct cbor_reader *r, uint64_t n);

#endif
