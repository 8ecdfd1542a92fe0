/* What is printed of a receipt: the path is the model's author's choice, and must not become another field or a command to a
   terminal. */
#include "cli/check.h"
#include "unit.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <yyjson.h>

static const uint8_t cid[] = {0x12, 0x20, [33] = 0};
static const uint8_t nonce[64] = {1};
static const uint8_t zeros[SHA256_LEN];

static struct receipt with_path(const char *path)
{
    struct receipt r = {.statement = {.kind = STATEMENT_SIMULATED,
                                      .asked_cid = view_of(cid, sizeof(cid)),
                                      .asked_path = view_of(path, strlen(path)),
                                      .file_cid = view_of(cid, sizeof(cid)),
                                      .engine = view_of("e=\"1\"", 5),
                                      .nonce = view_of(nonce, sizeof(nonce))}};
    r.statement_bytes = view_of(zeros, sizeof(zeros));
    return r;
}

/* What check_print writes, in `ret`. */
static void printed(const char *path, bool verified, bool json, char *ret, size_t size)
{
    struct receipt r = with_path(path);
    int out = dup(STDOUT_FILENO), file = memfd_create("out", 0);
    assert_true(out >= 0 && file >= 0);
    (void)fflush(stdout);
    assert_int_equal(dup2(file, STDOUT_FILENO), STDOUT_FILENO);
    check_print(&r, verified, json);
    (void)fflush(stdout);
    assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
    ssize_t n = pread(file, ret, size - 1, 0);
    assert_true(n > 0);
    ret[n] = '\0';
    (void)close(out);
    (void)close(file);
}

static void test_json(void **state UNUSED)
{
    static const char *const paths[] = {"", "a/b", "x\",\"kind\":\"nitro", "\x1b[2J\n", "m\xc3\xbc.onnx"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char text[8192];
        bool verified = i % 2 == 0; /* a refused bundle's receipt said true */
        printed(paths[i], verified, true, text, sizeof(text));
        yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
        yyjson_val *root = yyjson_doc_get_root(doc);
        assert_non_null(root);
        assert_int_equal(yyjson_obj_size(root), 12);
        assert_int_equal(yyjson_get_bool(yyjson_obj_get(root, "verified")), verified);
        assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "kind")), "simulated");
        assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "engine")), "e=\"1\"");
        const char *model = yyjson_get_str(yyjson_obj_get(root, "model"));
        const char *slash = strchr(model, '/');
        assert_string_equal(slash != NULL ? slash + 1 : "", paths[i]);
        yyjson_doc_free(doc);
    }
}

static void test_text(void **state UNUSED)
{
    char text[8192];
    printed("\x1b[2J\nkind \xc2\x9b", true, false, text, sizeof(text));
    assert_non_null(strstr(text, "/\\x1b[2J\\x0akind \\xc2\\x9b\n"));
    for (const char *c = text; *c != '\0'; c++)
        assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_json), cmocka_unit_test(test_text)};
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
