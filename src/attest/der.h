/* A strict reader of DER (X.690 §8 and §10), as much of it as certificates use: one-byte tags, definite lengths in
   their shortest form, minimal integers, booleans 00 and FF, no padding bits that are set. It takes nothing else.

   Each getter takes one element from the front of `v`: ERR_TRUNCATED when it ends too early, ERR_MALFORMED for all
   else, also another tag than the one asked for. */
#ifndef VERONNX_ATTEST_DER_H
#define VERONNX_ATTEST_DER_H

#include "base/buf.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_CONTEXT_0 = 0xA0, /* constructed */
    DER_CONTEXT_3 = 0xA3,
};

/* Whether the next element has this tag. */
bool der_at(const struct view *v, enum der_tag tag);

/* The content of the next element. */
err_t der_get(struct view *v, enum der_tag tag, struct view *ret_content);
/* The element with its tag and length. */
err_t der_get_whole(struct view *v, enum der_tag tag, struct view *ret_element);
err_t der_get_boolean(struct view *v, bool *ret);
/* The content of an INTEGER over 0. */
err_t der_get_positive(struct view *v, struct view *ret_content);
/* An INTEGER from 0 to 127. */
err_t der_get_small(struct view *v, uint8_t *ret);
/* A BIT STRING: its bytes and how many bits of the last one do not count (they are zero). */
err_t der_get_bits(struct view *v, struct view *ret_bytes, unsigned *ret_unused);
/* A time as X.509 writes it (RFC 5280 §4.1.2.5): UTCTime for 1950 to 2049, GeneralizedTime for later, in whole seconds,
   "Z", a date that the calendar has. Unix seconds; before 1970 is ERR_MALFORMED. */
err_t der_get_time(struct view *v, uint64_t *ret_seconds);

#endif
