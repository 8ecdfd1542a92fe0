/* Names of the files of a folder, and every allocation on the way failed in turn. */
#include "cli/alias_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#define C32  "0123456789abcdef0123456789abcdef"
#define LONG C32 C32 C32 C32 /* a byte too long */

static void names(void **state)
{
    static const struct {
        const char *path;
        const char *name;
        uint64_t version;
    } rows[] = {
        {"digits.onnx", "digits", 0},
        {"digits/model.onnx", "digits", 0},
        {"digits/1/model.onnx", "digits", 1},
        {"digits/18446744073709551615/model.onnx", "digits", UINT64_MAX},
        {"digits/18446744073709551616/model.onnx", "digits/18446744073709551616", 0},
        {"digits/0/model.onnx", "digits/0", 0},
        {"digits/1x/model.onnx", "digits/1x", 0},
        {"digits/1.onnx", "digits/1", 0},
        {"a/b/3/model.onnx", "a/b", 3},
        {"model.onnx", "model", 0},
        {"1/model.onnx", "model", 1},
        {"mymodel.onnx", "mymodel", 0},
        {"a/mymodel.onnx", "a/mymodel", 0},
        {"a.onnx/model.onnx", "a.onnx", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[CONF_NAME_MAX] = "";
        uint64_t version = 7;
        struct why why = {""};
        if (alias_name(text_view(rows[i].path), name, &version, &why) != OK)
            fail_msg("%s: %s", rows[i].path, why.text);
        assert_string_equal(name, rows[i].name);
        assert_int_equal(version, rows[i].version);
    }
}

static void no_names(void **state)
{
    static const char *const paths[] = {
        "a b.onnx",
        "a=b.onnx",
        "\xc3\xa4.onnx",
        "QmWd3NJd28SgnmmrRRv6VBm5KrBwr1Nz8aTuMLBVugxyF6.onnx",
        "QmWd3NJd28SgnmmrRRv6VBm5KrBwr1Nz8aTuMLBVugxyF6/path/1/model.onnx",
        LONG ".onnx",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char name[CONF_NAME_MAX] = "unchanged";
        uint64_t version = 7;
        struct why why = {""};
        assert_err(alias_name(text_view(paths[i]), name, &version, &why), ERR_USAGE);
        assert_string_equal(name, "unchanged");
        assert_string_not_equal(why.text, "");
    }
}

static err_t find_and_write(const char *file)
{
    static const uint8_t digest[SHA256_LEN];
    struct why why = {""};
    AUTO(alias_list_free) struct alias_list *l = mem_alloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NOMEM;
    TRY(alias_find(".", l, &why));
    TRY(alias_settle(l, NULL, &why));
    for (size_t i = 0; i < l->count; i++)
        l->items[i].cid = cid_make(0, CID_DAG_PB, digest);
    return alias_write(l, file, &why);
}

/* The file is there whole or not at all. */
static void no_memory(void **state)
{
    char folder[] = "/tmp/veronnx-names-XXXXXX";
    const char *const files[] = {"a.onnx", "b/1/model.onnx", "b/2/model.onnx", "c/x.onnx"};
    bool done = false;
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("b", 0700) | mkdir("b/1", 0700) | mkdir("b/2", 0700) | mkdir("c", 0700), 0);
    for (size_t i = 0; i < COUNT_OF(files); i++)
        assert_int_equal(close(open(files[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)), 0);
    for (long n = 0; !done; n++) {
        assert_true(n < 100);
        mem_fail_after(n);
        err_t e = find_and_write("names");
        mem_fail_after(-1);
        done = e == OK;
        assert_int_equal(access("names", F_OK), done ? 0 : -1);
    }
    assert_int_equal(unlink("names"), 0);
    for (size_t i = 0; i < COUNT_OF(files); i++)
        assert_int_equal(unlink(files[i]), 0);
    assert_int_equal(rmdir("b/1") | rmdir("b/2") | rmdir("b") | rmdir("c") | chdir("/") | rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(no_names),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
