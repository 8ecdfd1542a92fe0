/* The vectors of the OpenGradient number format, through the whole way of a request and of an answer. */
#include "model.h"

#include "dtypes.h"

#include <yyjson.h>

static yyjson_doc *vectors;

static const char *text_of(yyjson_val *vector, const char *field)
{
    const char *text = yyjson_get_str(yyjson_obj_get(vector, field));
    return text != NULL ? text : "";
}

static struct value_desc scalar(yyjson_val *vector)
{
    return (struct value_desc){.name = text_view("x"), .type = {.dtype = dtype_by_name(text_of(vector, "type"))}};
}

static size_t element_of(yyjson_val *vector, uint8_t ret[8])
{
    const char *hex = text_of(vector, "le_hex");
    assert_ok(hex_decode(text_view(hex), ret, strlen(hex) / 2));
    return strlen(hex) / 2;
}

static void to_tensor(yyjson_val *vector)
{
    AUTO(trip_done) struct trip trip = {0};
    AUTO(signature_done) struct signature signature = {0};
    struct value_desc x = scalar(vector);
    char body[4096];
    uint8_t expected[8] = {0};
    assert_ok(signature_make(&x, 1, NULL, 0, &signature));
    char *value = yyjson_val_write(yyjson_obj_get(vector, "value"), 0, NULL);
    char *decimals = yyjson_val_write(yyjson_obj_get(vector, "decimals"), 0, NULL);
    (void)snprintf(body, sizeof(body),
                   "{\"ipfs_hash\":\"Qm\",\"num_inputs\":[{\"name\":\"x\",\"shape\":[],"
                   "\"values\":[{\"value\":%s,\"decimals\":%s}]}]}",
                   value, decimals);
    free(value);
    free(decimals);
    err_t e = trip_make(&trip, body, &signature);
    if (yyjson_obj_get(vector, "error") != NULL) {
        assert_err(e, ERR_VALUE_RANGE);
        return;
    }
    assert_ok(e);
    assert_view(trip_payload(&trip, 0), view_of(expected, element_of(vector, expected)));
}

static void to_text(yyjson_val *vector)
{
    static const uint8_t hash[SHA256_LEN] = {0};
    AUTO(value_set_done) struct value_set set = {0};
    AUTO_BUF struct buf answer = {.max = 4096};
    struct value_desc x = scalar(vector);
    uint8_t element[8] = {0};
    char expected[256];
    size_t len = element_of(vector, element);
    assert_ok(value_set_make(&x, 1, &(uint64_t){len}, AREA_MAX, &set));
    assert_ok(infer_answer_write(&set, view_of(element, len), hash, &answer, NULL));
    (void)snprintf(
        expected, sizeof(expected),
        "{\"output\":[{\"name\":\"x\",\"shape\":[],\"result\":%s,\"type\":\"number\"}],\"model_hash\":\"%064d\"}",
        text_of(vector, "text"), 0);
    assert_text(&answer, expected);
}

static void run(const char *list, void (*check)(yyjson_val *))
{
    yyjson_val *rows = yyjson_obj_get(yyjson_doc_get_root(vectors), list);
    yyjson_arr_iter iter = {0};
    assert_true(yyjson_arr_size(rows) > 0 && yyjson_arr_iter_init(rows, &iter));
    for (yyjson_val *row = yyjson_arr_iter_next(&iter); row != NULL; row = yyjson_arr_iter_next(&iter))
        check(row);
}

static void fixed_point_to_elements(void **state UNUSED)
{
    run("to_tensor", to_tensor);
}

static void elements_to_text(void **state UNUSED)
{
    run("to_text", to_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_point_to_elements),
        cmocka_unit_test(elements_to_text),
    };
    const char *folder = getenv("VERONNX_VECTORS");
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/opengradient/numbers.json", folder != NULL ? folder : "../shared/vectors");
    vectors = yyjson_read_file(path, YYJSON_READ_BIGNUM_AS_RAW, NULL, NULL);
    if (vectors == NULL) {
        (void)fprintf(stderr, "skipped: %s\n", path);
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    yyjson_doc_free(vectors);
    return failed;
}
