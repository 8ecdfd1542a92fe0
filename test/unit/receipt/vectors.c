/* A reader for the vectors' text. */
#include "vectors.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_NAME "docs/receipts-vectors.txt"
#define FILE_MAX  (256 * KIB)

void vectors_open(struct vectors *v)
{
    FILE *file = fopen(FILE_NAME, "rb");
    v->text = malloc(FILE_MAX);
    if (file == NULL || v->text == NULL) {
        print_error("%s cannot be read\n", FILE_NAME);
        exit(EXIT_FAILURE);
    }
    v->rest = view_of(v->text, fread(v->text, 1, FILE_MAX, file));
    (void)fclose(file);
    assert_in_range(v->rest.len, 1, FILE_MAX - 1);
}

void vectors_close(struct vectors *v)
{
    free(v->text);
}

/* The bytes before the first `mark`, which is taken away too; all bytes when there is none. */
static struct view take_until(struct view *v, const char *mark)
{
    const uint8_t *at = memmem(v->data, v->len, mark, strlen(mark));
    struct view part = view_of(v->data, at != NULL ? (size_t)(at - v->data) : v->len);
    size_t gone = MIN(part.len + strlen(mark), v->len);
    *v = view_of(v->data + gone, v->len - gone);
    return part;
}

bool vectors_next(struct vectors *v, const char *kind, struct vector *ret)
{
    while (v->rest.len > 0) {
        struct view block = take_until(&v->rest, "\n\n");
        struct view name = block;
        if (view_is(take_until(&name, " "), kind)) {
            ret->lines = block;
            return true;
        }
    }
    return false;
}

static bool find(const struct vector *v, const char *name, struct view *ret)
{
    struct view lines = v->lines;
    while (lines.len > 0) {
        struct view line = take_until(&lines, "\n");
        if (view_is(take_until(&line, " "), name)) {
            *ret = line;
            return true;
        }
    }
    return false;
}

bool vector_has(const struct vector *v, const char *name)
{
    struct view value = {0};
    return find(v, name, &value);
}

struct view vector_text(const struct vector *v, const char *name)
{
    struct view value = view_of("", 0);
    if (!find(v, name, &value))
        fail_msg("no %s in a vector", name);
    return value;
}

uint64_t vector_number(const struct vector *v, const char *name)
{
    uint64_t n = 0;
    assert_int_equal(text_u64(vector_text(v, name), UINT64_MAX, &n), OK);
    return n;
}

struct view vector_bytes(const struct vector *v, const char *name, size_t word, uint8_t *bytes)
{
    struct view value = vector_text(v, name);
    struct view part = take_until(&value, " ");
    for (size_t i = 0; i < word; i++)
        part = take_until(&value, " ");
    assert_in_range(part.len / 2, 1, VECTORS_BYTES_MAX);
    assert_int_equal(hex_decode(part, bytes, part.len / 2), OK);
    return view_of(bytes, part.len / 2);
}
