/* Reading the shared vectors: files, lines of csv, JSON, and CARv1 as far as a test needs it. */
#ifndef VERONNX_TEST_IPLD_VECTORS_H
#define VERONNX_TEST_IPLD_VECTORS_H

#include "base/varint.h"
#include "dag.h"

#include <yyjson.h>


static inline const char *vectors_dir(void)
{
    const char *dir = getenv("VERONNX_VECTORS");
    return dir != NULL ? dir : "../shared/vectors";
}

/* False: there is no such file. */
static inline bool vector_read(const char *name, struct buf *ret)
{
    char path[1024];
    uint8_t *room = NULL;
    int n = snprintf(path, sizeof(path), "%s/ipfs/%s", vectors_dir(), name);
    assert_true(n > 0 && (size_t)n < sizeof(path));
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    buf_init(ret, 64 * MIB);
    do {
        assert_ok(buf_reserve(ret, 64 * KIB, &room));
        buf_commit(ret, fread(room, 1, 64 * KIB, file));
    } while (feof(file) == 0 && ferror(file) == 0);
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
    printf("skipped: no vectors in %s\n", vectors_dir());
    return true;
}

static inline void json_free(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}
#define AUTO_JSON AUTO(json_free) yyjson_doc *

static inline yyjson_doc *json_must(const char *name)
{
    AUTO_BUF struct buf text = vector_must(name);
    yyjson_doc *doc = yyjson_read((const char *)text.data, text.len, 0);
    assert_non_null(doc);
    return doc;
}

static inline const char *json_text(yyjson_val *object, const char *key)
{
    return yyjson_get_str(yyjson_obj_get(object, key));
}

/* ── CAR ── */

/* The header must be version 1; its roots are not looked at. */
static inline bool car_header(struct view *car)
{
    static const char version_1[] = "gversion\x01";
    uint64_t len = 0;
    struct view header = {0}, tail = {0};
    if (varint_get(car, &len) != OK || view_take(car, len, &header) != OK || len < sizeof(version_1) - 1)
        return false;
    tail = view_of(header.data + header.len - (sizeof(version_1) - 1), sizeof(version_1) - 1);
    return view_is(tail, version_1);
}

/* Takes the sections into `d` under the names that the file gives them, right or wrong, up to the end or to the
   first one that is not well-formed: a reader that has its file by then never looks further. The first block of a
   name stays. */
static inline bool car_read(struct view car, struct dag *d)
{
    if (!car_header(&car))
        return false;
    while (car.len > 0) {
        uint64_t len = 0;
        struct view section = {0};
        struct cid_ref ref;
        if (varint_get(&car, &len) != OK || len == 0 || view_take(&car, len, &section) != OK)
            break;
        if (cid_take(&section, &ref) != OK)
            break;
        if (ref.kind != CID_BLOCK || dag_find(d, &ref.cid) != NULL)
            continue;
        assert_true(d->n < DAG_BLOCKS);
        struct dag_block *b = &d->blocks[d->n++];
        b->cid = ref.cid;
        b->bytes.max = 8 * MIB;
        assert_ok(buf_put_view(&b->bytes, section));
    }
    return true;
}

#endif
