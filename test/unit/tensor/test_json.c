/* Bounded JSON: the depth scan against a plain one, limits, fields. */
#include "tensor/json.h"

#include "unit.h"

/* Byte by byte, the way a person would write it. */
static bool plain_too_deep(struct view text, unsigned max)
{
    long depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{') && ++depth > (long)max)
            return true;
        else if (!in_string && (c == ']' || c == '}'))
            depth--;
    }
    return false;
}

/* Backslashes only inside strings, as in all JSON up to where a parser stops. */
static size_t random_text(uint8_t *text, size_t max)
{
    static const char inside[] = "\\\\\\\\\"\"[{]}ab";
    static const char outside[] = "\"[[{{]},:1 ";
    size_t len = (size_t)rand() % max;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        text[i] = (uint8_t)(in_string ? inside[(size_t)rand() % (sizeof(inside) - 1)]
                                      : outside[(size_t)rand() % (sizeof(outside) - 1)]);
        if (in_string && text[i] == '\\' && i + 1 < len)
            text[++i] = (uint8_t)inside[(size_t)rand() % (sizeof(inside) - 1)];
        else if (text[i] == '"')
            in_string = !in_string;
    }
    return len;
}

static void scans_depth_as_a_plain_loop_does(void **state UNUSED)
{
    uint8_t text[400];
    srand(1);
    for (int round = 0; round < 200000; round++) {
        struct view v = view_of(text, random_text(text, sizeof(text)));
        unsigned max = (unsigned)rand() % 12;
        assert_int_equal(json_too_deep(v, max), plain_too_deep(v, max));
    }
}

static void finds_the_exact_depth(void **state UNUSED)
{
    static char text[300];
    for (size_t depth = 1; depth <= 140; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_false(json_too_deep(view_of(text, 2 * depth), (unsigned)depth));
        assert_true(json_too_deep(view_of(text, 2 * depth), (unsigned)depth - 1));
    }
}

static err_t read_counting(const char *json, size_t max_memory, size_t *ret_memory)
{
    AUTO(json_done) yyjson_doc *doc = NULL;
    size_t len = strlen(json);
    uint8_t *text = malloc(len + JSON_PAD);
    assert_non_null(text);
    memcpy(text, json, len);
    err_t e = json_read(text, len, 4, max_memory, &doc, ret_memory);
    assert_int_equal(e == OK, doc != NULL);
    json_done(&doc);
    free(text);
    return e;
}

static err_t read(const char *json, size_t max_memory)
{
    size_t memory = 0;
    return read_counting(json, max_memory, &memory);
}

static void reads_and_refuses(void **state UNUSED)
{
    static const struct {
        const char *json;
        err_t code;
    } rows[] = {
        {"[1]", OK},
        {" {\"a\":[{\"b\":[]}]} \n", OK},
        {"7", OK},
        {"", ERR_BAD_JSON},
        {" ", ERR_BAD_JSON},
        {"[1", ERR_BAD_JSON},
        {"[1]]", ERR_BAD_JSON},
        {"[1,]", ERR_BAD_JSON},
        {"[01]", ERR_BAD_JSON},
        {"[NaN]", ERR_BAD_JSON},
        {"[Infinity]", ERR_BAD_JSON},
        {"['a']", ERR_BAD_JSON},
        {"{a:1}", ERR_BAD_JSON},
        {"[1]//", ERR_BAD_JSON},
        {"[\"\\ud800\"]", ERR_BAD_JSON},
        {"[\"\xff\"]", ERR_BAD_JSON},
        {"[\"\x01\"]", ERR_BAD_JSON},
        {"\xef\xbb\xbf[1]", ERR_BAD_JSON},
        {"[[[[1]]]]", OK},
        {"[[[[[1]]]]]", ERR_JSON_TOO_DEEP},
        {"[[[[[", ERR_JSON_TOO_DEEP},
        {"[\"[[[[[\"]", OK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        err_t e = read(rows[i].json, 4096);
        if (e != rows[i].code)
            fail_msg("%s: %s", rows[i].json, err_name(e));
    }
}

static void keeps_the_memory_limit(void **state UNUSED)
{
    static char json[100002] = "[";
    for (size_t i = 1; i + 1 < sizeof(json); i += 2)
        memcpy(json + i, i + 2 < sizeof(json) - 1 ? "1," : "1]", 2);
    json[sizeof(json) - 1] = '\0';
    assert_err(read(json, 4 * sizeof(json)), ERR_TOO_LARGE);
    assert_ok(read(json, 9 * sizeof(json) + 4096));
    assert_err(read("[]", 16), ERR_TOO_LARGE);
}

/* What a document is said to hold is what it needed: not a byte less would have done. */
static void counts_the_memory(void **state UNUSED)
{
    static const char *const rows[] = {"1", "[]", "[1,2,3,4,5,6,7,8]",
                                       "{\"a\":[{\"b\":\"text\"},{\"c\":-1.5e300}],\"d\":null}"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t memory = 0;
        size_t again = 0;
        assert_ok(read_counting(rows[i], 1 << 20, &memory));
        assert_ok(read_counting(rows[i], memory, &again));
        assert_int_equal(again, memory);
        assert_err(read_counting(rows[i], memory - 1, &again), ERR_TOO_LARGE);
    }
}

static void survives_a_failed_allocation(void **state UNUSED)
{
    mem_fail_after(0);
    err_t e = read("[1]", 4096);
    mem_fail_after(-1);
    assert_err(e, ERR_NOMEM);
}

static void finds_fields(void **state UNUSED)
{
    static const struct json_name names[] = {JSON_NAME("a"), JSON_NAME("bc")};
    uint8_t text[] = "{\"x\":0,\"bc\":1,\"b\":2,\"\\u0061\":3,\"x\":4}\0\0\0";
    AUTO(json_done) yyjson_doc *doc = NULL;
    yyjson_val *found[2] = {NULL};
    size_t twice = 9;
    size_t memory = 0;
    assert_ok(json_read(text, sizeof(text) - 1 - 3, 4, 4096, &doc, &memory));
    assert_ok(json_fields(yyjson_doc_get_root(doc), names, 2, found, &twice));
    assert_true(yyjson_get_int(found[0]) == 3 && yyjson_get_int(found[1]) == 1);
    assert_err(json_fields(found[0], names, 2, found, &twice), ERR_FIELD_TYPE);
    json_done(&doc);
    uint8_t again[] = "{\"bc\":1,\"bc\":2}\0\0\0";
    assert_ok(json_read(again, sizeof(again) - 1 - 3, 4, 4096, &doc, &memory));
    assert_err(json_fields(yyjson_doc_get_root(doc), names, 2, found, &twice), ERR_FIELD_DUPLICATE);
    assert_int_equal(twice, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scans_depth_as_a_plain_loop_does),
        cmocka_unit_test(finds_the_exact_depth),
        cmocka_unit_test(reads_and_refuses),
        cmocka_unit_test(keeps_the_memory_limit),
        cmocka_unit_test(counts_the_memory),
        cmocka_unit_test(survives_a_failed_allocation),
        cmocka_unit_test(finds_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
