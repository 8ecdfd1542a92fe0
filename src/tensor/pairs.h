/* Long lists of {value, decimals}, taken out of a request's text before it is parsed: of each pair a parser makes five
   values of 16 bytes. What is left is a short text in which one object stands for all pairs that were taken from a
   list. Only what is written plainly, and each pair like the first, is taken; the rest is for the parser. */
#ifndef VERONNX_TENSOR_PAIRS_H
#define VERONNX_TENSOR_PAIRS_H

#include "base/buf.h"
#include "tensor/fixed.h"

#define PAIRS_PAD 32 /* zero bytes that must stand behind the text */

struct yyjson_val;

struct pairs {
    struct buf taken; /* struct fixed_pair */
    struct buf rest;  /* the text that is left */
    size_t lists;     /* how many lists were shortened; 0: nothing was gained, all is empty */
};

/* Leaves the text as it is. It may be JSON, or JSON that holds JSON in a string, or neither: the parser finds out from
   `rest`, which is valid exactly when `text` is, if every stand-in is found in it as the first value of a list. No
   sender can write a stand-in: a text that has the character used for it, or could spell it, is left alone.
   ERR_TOO_LARGE (max_memory), ERR_NOMEM. */
err_t pairs_take(struct view text, size_t max_memory, struct pairs *ret);
/* Accepts a zeroed struct. */
void pairs_done(struct pairs *p);

/* What was taken from a list; count 0: nothing. */
struct pair_list {
    const struct fixed_pair *items;
    size_t count;
};

/* What the first element of `values`, an array of the parsed rest, stands for. Borrowed from `p`. */
struct pair_list pairs_of(const struct pairs *p, struct yyjson_val *values);

#endif
