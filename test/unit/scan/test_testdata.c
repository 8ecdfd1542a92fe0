/* ONNX's own models (Debian's libonnx-testdata): all pass but those that use the training domain. */
#include "unit.h"

#include <ftw.h>

static unsigned seen, refused;

/* The cases whose operators stand in ai.onnx.preview.training, which the default policy refuses. */
static bool is_training(const char *path)
{
    static const char *const marks[] = {"/test_adagrad", "/test_adam", "/test_momentum", "/test_nesterov",
                                        "/test_gradient_of"};

    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (strstr(path, marks[i]) != NULL)
            return true;
    return false;
}

static void scan_file(const char *path, size_t size)
{
    AUTO_MESSAGE model = MESSAGE;
    struct scan_info info = {0};
    struct why why = {0};
    uint8_t *room = NULL;
    err_t expected = is_training(path) ? ERR_MODEL_DOMAIN_REFUSED : OK;

    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_ok(buf_reserve(&model, size + 1, &room));
    buf_commit(&model, fread(room, 1, size, file));
    (void)fclose(file);
    assert_int_equal(model.len, size);
    err_t e = scan_default(&model, &info, &why);
    if (e != expected)
        fail_msg("%s: %s (%s)", path, err_name(e), why.text);
    seen++;
    refused += e != OK;
}

static int visit(const char *path, const struct stat *info, int kind, struct FTW *where UNUSED)
{
    size_t len = strlen(path);

    if (kind == FTW_F && len > 5 && strcmp(path + len - 5, ".onnx") == 0)
        scan_file(path, (size_t)info->st_size);
    return 0;
}

static void all_models(void **state UNUSED)
{
    const char *folder = getenv("VERONNX_ONNX_TESTDATA");

    if (nftw(folder != NULL ? folder : "/usr/share/libonnx-testdata", visit, 16, FTW_PHYS) != 0)
        skip();
    print_message("%u models, %u of the training domain\n", seen, refused);
    assert_in_range(seen, 1000, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
