/* CIDs with paths. */
#include "ipld/model_id.h"

#include "unit.h"

#define CID_TEXT "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"

static void a_cid_alone(void **state UNUSED)
{
    struct model_id id;
    char text[CID_TEXT_SIZE];
    assert_ok(model_id_parse(text_view(CID_TEXT), &id, NULL));
    cid_to_text(&id.cid, text);
    assert_string_equal(text, CID_TEXT);
    assert_int_equal(model_id_path(&id).len, 0);
}

static void a_cid_with_a_path(void **state UNUSED)
{
    struct model_id id;
    assert_ok(model_id_parse(text_view(CID_TEXT "/models/v1.2/my_model-3.onnx"), &id, NULL));
    struct view path = model_id_path(&id);
    assert_true(view_is(path, "models/v1.2/my_model-3.onnx"));
    assert_true(view_is(model_path_segment(&path), "models"));
    assert_true(view_is(model_path_segment(&path), "v1.2"));
    assert_true(view_is(model_path_segment(&path), "my_model-3.onnx"));
    assert_int_equal(path.len, 0);
}

static void refuses(void **state UNUSED)
{
    static const struct {
        const char *text;
        err_t expected;
    } rows[] = {
        {"", ERR_MODEL_ID_INVALID},
        {"/", ERR_MODEL_ID_INVALID},
        {"resnet50", ERR_MODEL_ID_INVALID},
        {"/ipfs/" CID_TEXT, ERR_MODEL_ID_INVALID},
        {CID_TEXT "/", ERR_MODEL_ID_INVALID},
        {CID_TEXT "//a", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/a//b", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/a/", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/.", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/..", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/a/../b", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/a/./b", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/a b", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/a%2fb", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/a\\b", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/a?b", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/\x01", ERR_MODEL_ID_INVALID},
        {CID_TEXT "/m\xc3\xbc", ERR_MODEL_ID_INVALID},
        {CID_TEXT "\n", ERR_MODEL_ID_INVALID},
        {"bafkqaaa", ERR_CID_IDENTITY},
        {"bafkqaaa/a", ERR_CID_IDENTITY},
        {"f01711220" "0000000000000000000000000000000000000000000000000000000000000000", ERR_CID_UNSUPPORTED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct model_id id = {.path_len = 7};
        struct why why = {0};
        assert_err(model_id_parse(text_view(rows[i].text), &id, &why), rows[i].expected);
        assert_int_equal(id.path_len, 7);
        assert_true(why.text[0] != '\0');
    }
    static const char with_nul[] = CID_TEXT "/a\0b";
    struct model_id id;
    assert_err(model_id_parse(view_of(with_nul, sizeof(with_nul) - 1), &id, NULL), ERR_MODEL_ID_INVALID);
}

static void names_with_dots_are_names(void **state UNUSED)
{
    static const char *const good[] = {"...", ".a", "a.", "..a", "-", "_"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_ok(model_path_check(text_view(good[i]), NULL));
    assert_ok(model_path_check((struct view){0}, NULL));
}

static void the_longest_path(void **state UNUSED)
{
    char text[sizeof(CID_TEXT) + MODEL_PATH_MAX + 1] = CID_TEXT "/";
    struct model_id id;
    memset(text + sizeof(CID_TEXT), 'a', MODEL_PATH_MAX + 1);
    assert_ok(model_id_parse(view_of(text, sizeof(CID_TEXT) + MODEL_PATH_MAX), &id, NULL));
    assert_int_equal(id.path_len, MODEL_PATH_MAX);
    assert_err(model_id_parse(view_of(text, sizeof(CID_TEXT) + MODEL_PATH_MAX + 1), &id, NULL), ERR_MODEL_ID_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cid_alone),
        cmocka_unit_test(a_cid_with_a_path),
        cmocka_unit_test(refuses),
        cmocka_unit_test(names_with_dots_are_names),
        cmocka_unit_test(the_longest_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
