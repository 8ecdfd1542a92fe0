/* Reading the shared vectors of documents and messages. */
#ifndef VERONNX_TEST_ATTEST_VECTORS_H
#define VERONNX_TEST_ATTEST_VECTORS_H

#include "unit.h"


/* False: there is no such file. */
static inline bool vector_read(const char *name, struct buf *ret)
{
    const char *dir = getenv("VERONNX_VECTORS");
    char path[1024];
    uint8_t *room = NULL;
    int n = snprintf(path, sizeof(path), "%s/nitro/%s", dir != NULL ? dir : "../shared/vectors", name);
    assert_true(n > 0 && (size_t)n < sizeof(path));
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    buf_init(ret, 64 * KIB + 1); /* and a NUL, for text */
    assert_ok(buf_reserve(ret, 64 * KIB, &room));
    buf_commit(ret, fread(room, 1, 64 * KIB, file));
    assert_int_equal(fclose(file), 0);
    return true;
}

static inline struct buf vector_must(const char *name)
{
    struct buf b = {0};
    if (!vector_read(name, &b))
        fail_msg("%s is missing", name);
    return b;
}

/* For main: without the folder there is nothing to test. */
static inline bool vectors_absent(void)
{
    AUTO_BUF struct buf b = {0};
    if (vector_read("INDEX.md", &b))
        return false;
    printf("skipped: no vectors\n");
    return true;
}

#endif
