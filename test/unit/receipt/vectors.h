/* Reads docs/receipts-vectors.txt: blocks of lines "name value", apart by empty lines. Tests run in the source root. */
#ifndef VERONNX_TEST_RECEIPT_VECTORS_H
#define VERONNX_TEST_RECEIPT_VECTORS_H

#include "base/buf.h"

#define VECTORS_BYTES_MAX 2048 /* of one value that is hex */

struct vectors {
    char *text;
    struct view rest;
};

/* One block. Views are borrowed from the file's text. */
struct vector {
    struct view lines;
};

/* Ends the program when the file cannot be read. */
void vectors_open(struct vectors *v);
void vectors_close(struct vectors *v);
/* The next block whose first line begins with `kind` ("statement", "receipt", "private-key"). */
bool vectors_next(struct vectors *v, const char *kind, struct vector *ret);

/* The value of a line; fails the test when there is none. */
struct view vector_text(const struct vector *v, const char *name);
uint64_t vector_number(const struct vector *v, const char *name);
/* The `word`th word of the value, from hex; `bytes` has room for VECTORS_BYTES_MAX. */
struct view vector_bytes(const struct vector *v, const char *name, size_t word, uint8_t *bytes);
bool vector_has(const struct vector *v, const char *name);

#endif
