/* Rows of the supervisor's table as JSON, and tables that are none. */
#include "base/fd.h"
#include "base/mem.h"
#include "front/admin_models.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <yyjson.h>

#define assert_ok(call)         assert_int_equal((int)(call), 0)
#define assert_err(call, error) assert_int_equal((int)(call), (int)(error))

/* The CIDv0 of the digest 0101...01. */
#define CID_TEXT "QmNQa1FSTXNHmrjjfgUW3Px3Vkke4oKiFWdigWkYSux2Pi"

static struct admin_model row(enum admin_model_state state, uint8_t n)
{
    struct admin_model m = {.state = (uint32_t)state, .model = {.cid = {0x12, 0x20}, .cid_len = 34}};
    memset(m.model.cid + 2, n, 32);
    return m;
}

static int table_of(const struct admin_model *rows, size_t n)
{
    int fd = -1;
    assert_ok(memfd_new("table", 0, &fd));
    assert_ok(fd_write_all(fd, rows, n * sizeof(*rows)));
    assert_ok(memfd_seal(fd, SEALS_FILE));
    return fd;
}

/* The object of one row. Free the document. */
static yyjson_doc *print_one(const struct admin_model *m)
{
    AUTO_BUF struct buf out = BUF_WITH(64 * KIB);
    AUTO_FD int fd = table_of(m, 1);
    assert_ok(admin_models_put(fd, 1, NULL, &out));
    yyjson_doc *doc = yyjson_read((const char *)out.data, out.len, 0);
    assert_non_null(doc);
    return doc;
}

static uint64_t number(yyjson_doc *doc, const char *name)
{
    yyjson_val *v = yyjson_obj_get(yyjson_doc_get_root(doc), name);
    assert_true(yyjson_is_uint(v));
    return yyjson_get_uint(v);
}

static const char *text(yyjson_doc *doc, const char *name)
{
    return yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), name));
}

static void test_downloading(void **state)
{
    struct admin_model m = row(ADMIN_MODEL_DOWNLOADING, 1);
    (void)state;
    m.file_bytes = UINT64_C(3) << 33;
    m.received_bytes = UINT64_C(1) << 33;
    m.elapsed_ms = 2000;
    m.sources = 2;
    m.model.path_len = 10;
    memcpy(m.model.path, "dir/m.onnx", 10);
    yyjson_doc *doc = print_one(&m);
    assert_string_equal(text(doc, "model"), CID_TEXT "/dir/m.onnx");
    assert_string_equal(text(doc, "state"), "downloading");
    assert_int_equal(number(doc, "percent"), 33);
    assert_int_equal(number(doc, "bytes"), UINT64_C(1) << 33);
    assert_int_equal(number(doc, "bytes_per_s"), UINT64_C(1) << 32);
    assert_int_equal(number(doc, "sources"), 2);
    assert_null(text(doc, "model_hash"));
    yyjson_doc_free(doc);
    m.file_bytes = m.received_bytes = m.elapsed_ms = 0; /* its root is not there */
    doc = print_one(&m);
    assert_null(yyjson_obj_get(yyjson_doc_get_root(doc), "percent"));
    assert_null(yyjson_obj_get(yyjson_doc_get_root(doc), "file_bytes"));
    yyjson_doc_free(doc);
}

static void test_failed(void **state)
{
    struct admin_model m = row(ADMIN_MODEL_FAILED, 1);
    (void)state;
    m.reason = ERR_MODEL_MALFORMED;
    m.retry_ms = 4321;
    memcpy(m.why, "node \"7\" \\ x", 13);
    yyjson_doc *doc = print_one(&m);
    assert_string_equal(text(doc, "state"), "failed");
    assert_string_equal(text(doc, "code"), "MODEL_MALFORMED");
    assert_string_equal(text(doc, "error"), "node \"7\" \\ x");
    assert_int_equal(number(doc, "retry_ms"), 4321);
    yyjson_doc_free(doc);
    m.why[0] = '\0';
    doc = print_one(&m);
    assert_string_equal(text(doc, "error"), err_text(ERR_MODEL_MALFORMED));
    yyjson_doc_free(doc);
}

static void test_several_and_one_of_them(void **state)
{
    struct admin_model rows[ADMIN_MODEL_STATES_];
    AUTO_BUF struct buf all = BUF_WITH(64 * KIB), one = BUF_WITH(64 * KIB), none = BUF_WITH(64 * KIB);
    (void)state;
    for (unsigned n = 0; n < COUNT_OF(rows); n++)
        rows[n] = row((enum admin_model_state)n, (uint8_t)n);
    struct admin_model other = row(ADMIN_MODEL_READY, 99);
    AUTO_FD int fd = table_of(rows, COUNT_OF(rows));
    assert_ok(buf_put_u8(&all, '['));
    AUTO_BUF struct buf listed = BUF_WITH(64 * KIB);
    assert_ok(admin_models_put(fd, COUNT_OF(rows), NULL, &listed));
    assert_ok(buf_put_view(&all, buf_view(&listed)));
    assert_ok(buf_put_u8(&all, ']'));
    yyjson_doc *doc = yyjson_read((const char *)all.data, all.len, 0);
    assert_int_equal(yyjson_arr_size(yyjson_doc_get_root(doc)), COUNT_OF(rows));
    yyjson_doc_free(doc);
    assert_ok(admin_models_put(fd, COUNT_OF(rows), &rows[1].model, &one));
    doc = yyjson_read((const char *)one.data, one.len, 0);
    assert_string_equal(text(doc, "model"), CID_TEXT);
    yyjson_doc_free(doc);
    assert_ok(admin_models_put(fd, COUNT_OF(rows), &other.model, &none));
    assert_int_equal(none.len, 0);
}

/* What no client can have named is left out, and the others are listed all the same. */
static void test_names_that_are_none(void **state)
{
    static const struct {
        uint8_t cid_len;
        uint8_t first; /* byte of the CID */
        const char *path;
    } names[] = {
        {0, 0x12, ""},      {33, 0x12, ""},     {CID_MAX, 0x12, ""},     {34, 0xff, ""},
        {34, 0x12, "a\"b"}, {34, 0x12, "a\\b"}, {34, 0x12, "/a"},        {34, 0x12, "../a"},
        {34, 0x12, "a b"},  {34, 0x12, "\x80"}, {34, 0x12, "a\nb.onnx"},
    };
    struct admin_model rows[COUNT_OF(names) + 1];
    AUTO_BUF struct buf out = BUF_WITH(64 * KIB);
    (void)state;
    for (size_t n = 0; n < COUNT_OF(names); n++) {
        rows[n] = row(ADMIN_MODEL_WAITING, (uint8_t)n);
        rows[n].model.cid_len = names[n].cid_len;
        rows[n].model.cid[0] = names[n].first;
        rows[n].model.path_len = (uint16_t)strlen(names[n].path);
        memcpy(rows[n].model.path, names[n].path, strlen(names[n].path));
    }
    rows[COUNT_OF(names)] = row(ADMIN_MODEL_READY, 1);
    AUTO_FD int fd = table_of(rows, COUNT_OF(rows));
    assert_ok(admin_models_put(fd, COUNT_OF(rows), NULL, &out));
    yyjson_doc *doc = yyjson_read((const char *)out.data, out.len, 0);
    assert_non_null(doc);
    assert_string_equal(text(doc, "model"), CID_TEXT);
    yyjson_doc_free(doc);
}

static void test_no_rows(void **state)
{
    AUTO_BUF struct buf out = BUF_WITH(64);
    AUTO_FD int fd = table_of(NULL, 0);
    (void)state;
    assert_ok(admin_models_put(fd, 0, NULL, &out));
    assert_int_equal(out.len, 0);
}

static void refused(const struct admin_model *m, uint32_t rows)
{
    AUTO_BUF struct buf out = BUF_WITH(64 * KIB);
    AUTO_FD int fd = table_of(m, 1);
    assert_err(admin_models_put(fd, rows, NULL, &out), ERR_PROTOCOL);
}

static void test_refused(void **state)
{
    struct admin_model good = row(ADMIN_MODEL_READY, 1), bad = good;
    AUTO_BUF struct buf out = BUF_WITH(64 * KIB);
    AUTO_FD int loose = -1;
    (void)state;
    refused(&good, 2);
    refused(&good, 0);
    refused(&good, ADMIN_MODELS_MAX + 1);
    bad.state = ADMIN_MODEL_STATES_;
    refused(&bad, 1);
    bad = good;
    bad.model.path_len = MODEL_PATH_MAX + 1;
    refused(&bad, 1);
    bad = good;
    bad.model.cid_len = CID_MAX + 1;
    refused(&bad, 1);
    assert_ok(memfd_new("table", 0, &loose));
    assert_ok(fd_write_all(loose, &good, sizeof(good)));
    assert_err(admin_models_put(loose, 1, NULL, &out), ERR_PROTOCOL); /* no seals */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_downloading),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_several_and_one_of_them),
        cmocka_unit_test(test_names_that_are_none),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
