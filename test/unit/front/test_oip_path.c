/* Paths of the Open Inference Protocol. */
#include "front/oip_path.h"

#include "unit.h"

static void tells_paths_apart(void **state UNUSED)
{
    static const struct {
        const char *path;
        enum oip_what what;
        const char *name;
        const char *version;
    } rows[] = {
        {"/v2", OIP_SERVER, NULL, NULL},
        {"/v2/", OIP_SERVER, NULL, NULL},
        {"/v2/health/live", OIP_LIVE, NULL, NULL},
        {"/v2/health/ready", OIP_READY, NULL, NULL},
        {"/v2/health", OIP_NOTHING, NULL, NULL},
        {"/v2/models", OIP_MODELS, NULL, NULL},
        {"/v2/models/", OIP_MODELS, NULL, NULL},
        {"/v2/models/stats", OIP_ALL_STATS, NULL, NULL},
        {"/v2/models/stats/stats", OIP_STATS, "stats", NULL},
        {"/v2/models/m", OIP_MODEL, "m", NULL},
        {"/v2/models/m/versions/1", OIP_MODEL, "m", "1"},
        {"/v2/models/m/ready", OIP_MODEL_READY, "m", NULL},
        {"/v2/models/m/versions/12/ready", OIP_MODEL_READY, "m", "12"},
        {"/v2/models/m/infer", OIP_INFER, "m", NULL},
        {"/v2/models/m/versions/1/infer", OIP_INFER, "m", "1"},
        {"/v2/models/Qm/dir/file.onnx/infer", OIP_INFER, "Qm/dir/file.onnx", NULL},
        {"/v2/models/Qm/versions/1/file.onnx", OIP_MODEL, "Qm/versions/1/file.onnx", NULL},
        {"/v2/models/Qm%2Finfer", OIP_MODEL, "Qm%2Finfer", NULL},
        {"/v2/models/infer", OIP_MODEL, "infer", NULL},
        {"/v2/models/m/versions/", OIP_MODEL, "m/versions/", NULL},
        {"/v2/models/m/config", OIP_CONFIG, "m", NULL},
        {"/v2/models/m/stats", OIP_STATS, "m", NULL},
        {"/v2/models//infer", OIP_NOTHING, NULL, NULL},
        {"/v2/models/versions/1/infer", OIP_INFER, "versions/1", NULL},
        {"/v2/repository/index", OIP_INDEX, NULL, NULL},
        {"/v2/repository/models/m/load", OIP_LOAD, "m", NULL},
        {"/v2/repository/models/m/unload", OIP_UNLOAD, "m", NULL},
        {"/v2/repository/models/load", OIP_NOTHING, NULL, NULL},
        {"/v2/repository/models/m", OIP_NOTHING, NULL, NULL},
        {"/v3", OIP_NOTHING, NULL, NULL},
        {"/v22", OIP_NOTHING, NULL, NULL},
        {"", OIP_NOTHING, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct oip_path p = oip_path_parse(text_view(rows[i].path));
        if (p.what != rows[i].what)
            fail_msg("%s: %d", rows[i].path, p.what);
        assert_view(p.name, text_view(rows[i].name != NULL ? rows[i].name : ""));
        assert_true((p.version.data == NULL) == (rows[i].version == NULL));
        assert_view(p.version, text_view(rows[i].version != NULL ? rows[i].version : ""));
    }
}

static void decodes(void **state UNUSED)
{
    uint8_t out[8];
    size_t len = 0;
    assert_ok(percent_decode(text_view("a%2fb%C3%a9"), out, sizeof(out), &len));
    assert_view(view_of(out, len), text_view("a/b\xc3\xa9"));
    assert_ok(percent_decode(text_view(""), out, sizeof(out), &len));
    assert_int_equal(len, 0);
    assert_ok(percent_decode(text_view("12345678"), out, sizeof(out), &len));
    assert_int_equal(percent_decode(text_view("123456789"), out, sizeof(out), &len), ERR_TOO_LARGE);
    static const char *const wrong[] = {"%", "%2", "%2g", "%%20", "a%00"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(percent_decode(text_view(wrong[i]), out, sizeof(out), &len), ERR_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_paths_apart), cmocka_unit_test(decodes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
