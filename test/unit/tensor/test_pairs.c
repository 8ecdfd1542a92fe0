/* Lists of pairs that are taken out before the text is parsed: nothing of the outcome may change by that. Every body is
   read a second time with a character in front that keeps its lists where they are. */
#include "model.h"

#include <yyjson.h>

#define COUNT 20

static const struct value_desc inputs[] = {
    {.name = {(const uint8_t *)"x", 1}, .type = {.dtype = DTYPE_FLOAT}, .rank = RANK_UNKNOWN, .may_miss = true},
    {.name = {(const uint8_t *)"b", 1}, .type = {.dtype = DTYPE_INT8}, .rank = RANK_UNKNOWN, .may_miss = true},
    {.name = {(const uint8_t *)"i", 1}, .type = {.dtype = DTYPE_INT64}, .rank = RANK_UNKNOWN, .may_miss = true},
    {.name = {(const uint8_t *)"s", 1}, .type = {.dtype = DTYPE_STRING}, .rank = RANK_UNKNOWN, .may_miss = true},
};

static struct signature signature;

/* From the parsed request to its tensors, without the body if it is not needed any more. */
static err_t finish(struct trip *t, err_t e)
{
    TRY(e);
    if (t->request.detached)
        buf_done(&t->body);
    TRY(infer_inputs_measure(&t->request, &signature, AREA_MAX, &t->inputs, &t->why));
    t->area = mem_alloc(1, MAX(t->inputs.set.total, 1));
    assert_non_null(t->area);
    return infer_inputs_fill(&t->inputs, t->area, &t->why);
}

/* How many values of the first input were taken; the outcome of both readings, which must be equal, in `ret`. */
static size_t read_twice(struct view body, const struct infer_limits *limits, struct trip *ret, err_t *ret_code)
{
    AUTO(trip_done) struct trip whole = {0};
    AUTO_BUF struct buf text = {.max = body.len + 16};
    assert_int_equal(body.data[0], '{');
    assert_ok(buf_put_text(&text, "{\"\x7f\":0,"));
    assert_ok(buf_put_view(&text, view_of(body.data + 1, body.len - 1)));
    err_t expected = finish(&whole, trip_parse(&whole, buf_view(&text), limits));
    assert_int_equal(whole.request.pairs.lists, 0);
    *ret_code = finish(ret, trip_parse(ret, body, limits));
    assert_string_equal(err_name(*ret_code), err_name(expected));
    assert_string_equal(ret->why.text, whole.why.text);
    if (expected != OK)
        return 0;
    assert_int_equal(ret->request.form, whole.request.form);
    assert_view(ret->inputs.set.descs.encoded, whole.inputs.set.descs.encoded);
    assert_view(view_of(ret->area, ret->inputs.set.total), view_of(whole.area, whole.inputs.set.total));
    return ret->inputs.set.descs.count > 0 ? ret->inputs.sources[0].pairs.count : 0;
}

/* ── bodies ── */

/* What is written before, in and behind a pair, and between two of them. */
struct style {
    const char *open;
    const char *middle;
    const char *close;
    const char *between;
};

static const struct style styles[] = {
    {"{\"value\":\"", "\",\"decimals\":\"", "\"}", ","},     {"{\"value\":", ",\"decimals\":", "}", ","},
    {"{\"value\": \"", "\", \"decimals\": \"", "\"}", ", "}, {"{\"value\":", " ,\"decimals\":\"", "\"}", " , "},
    {" {  \"value\" : ", " , \"decimals\": ", " }", ","},
};

static long long value_of(size_t i)
{
    static const long long rows[] = {0, 7, -1, 12345678, -99999999, 100000000, -12345678901234567, 99999999999999999};
    return i < COUNT_OF(rows) ? rows[i] : (long long)(i * 7919 % 20011) - 10000;
}

static unsigned decimals_of(size_t i)
{
    static const unsigned rows[] = {4, 0, 63, 22, 23, 9, 17, 10};
    return i < COUNT_OF(rows) ? rows[i] : 4;
}

static void put_pairs(struct buf *out, const struct style *s, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_ok(buf_printf(out, "%s%s%lld%s%u%s", i > 0 ? s->between : "", s->open, value_of(i), s->middle,
                             decimals_of(i), s->close));
}

/* COUNT pairs as an input, `tail` behind them. */
static void put_tensor(struct buf *out, const char *name, const struct style *s, const char *tail)
{
    assert_ok(buf_printf(out, "{\"name\":\"%s\",\"shape\":[-1],\"values\":[", name));
    put_pairs(out, s, COUNT);
    assert_ok(buf_printf(out, "%s]}", tail));
}

/* A body of each form around the text of `numbers`. */
static const struct {
    const char *head;
    const char *tail;
    bool escaped;
} forms[] = {
    [INFER_FORM_TEXT] = {"{\"ipfs_hash\":\"Qm\",\"model_inputs\":\"{\\\"numbers\\\":[", "]}\"}", true},
    [INFER_FORM_OBJECT] = {"{\"ipfs_hash\":\"Qm\",\"model_inputs\":{\"numbers\":[", "]}}", false},
    [INFER_FORM_LISTS] = {"{\"ipfs_hash\":\"Qm\",\"num_inputs\":[", "]}", false},
};

static void put_body(struct buf *out, enum infer_form form, struct view numbers)
{
    assert_ok(buf_put_text(out, forms[form].head));
    for (size_t i = 0; i < numbers.len; i++) {
        bool quote = numbers.data[i] == '"' || numbers.data[i] == '\\';
        assert_ok(buf_put_text(out, forms[form].escaped && quote ? "\\" : ""));
        assert_ok(buf_put_u8(out, numbers.data[i]));
    }
    assert_ok(buf_put_text(out, forms[form].tail));
}

/* The body of form `i % 3` with inputs x and i in style `i / 3` and `tail` behind their pairs, read twice. */
static size_t read_with_tail(size_t i, const char *tail, struct trip *ret, err_t *ret_code)
{
    AUTO_BUF struct buf numbers = {.max = 4096};
    AUTO_BUF struct buf body = {.max = 8192};
    put_tensor(&numbers, "i", &styles[i / COUNT_OF(forms)], tail);
    assert_ok(buf_put_u8(&numbers, ','));
    put_tensor(&numbers, "x", &styles[i / COUNT_OF(forms)], tail);
    put_body(&body, (enum infer_form)(i % COUNT_OF(forms)), buf_view(&numbers));
    return read_twice(buf_view(&body), &default_limits, ret, ret_code);
}

/* ── tests ── */

#define WAYS (COUNT_OF(forms) * COUNT_OF(styles))

/* What the numbers must be: C rounds the division of two exact doubles as IEEE 754 says. */
static void takes_what_is_written_alike(void **state UNUSED)
{
    for (size_t i = 0; i < WAYS; i++) {
        AUTO(trip_done) struct trip t = {0};
        err_t e = OK;
        assert_int_equal(read_with_tail(i, "", &t, &e), COUNT);
        assert_ok(e);
        assert_int_equal(t.request.form, i % COUNT_OF(forms));
        assert_int_equal(t.request.pairs.lists, 2);
        assert_int_equal(t.inputs.set.descs.items[0].dims[0], COUNT);
        for (size_t n = 8; n < COUNT; n++) {
            float expected = (float)((double)value_of(n) / 1e4);
            assert_memory_equal(trip_payload(&t, 0).data + n * sizeof(expected), &expected, sizeof(expected));
        }
    }
}

/* What is not plain is parsed, and the pairs before it need not be. */
static void stops_where_it_must(void **state UNUSED)
{
    static const struct {
        const char *tail;
        err_t code;
    } rows[] = {
        {",1.5", OK},
        {",{\"decimals\":\"4\",\"value\":\"1\"}", OK},
        {",{\"value\":\"-0\",\"decimals\":\"4\"}", OK},
        {",{\"value\":\"-000\",\"decimals\":\"4\"}", OK},
        {",{\"value\":-0,\"decimals\":4}", OK},
        {",{\"value\":\"\",\"decimals\":\"4\"}", ERR_FIELD_VALUE},
        {",{\"value\":\"-\",\"decimals\":\"4\"}", ERR_FIELD_VALUE},
        {",{\"value\":\"1.5\",\"decimals\":\"4\"}", OK},
        {",{\"value\":\"123456789012345678\",\"decimals\":\"4\"}", OK},
        {",{\"value\":\"1234567890123456789012345\",\"decimals\":\"9\"}", OK},
        {",{\"value\":\"00000000000000007\",\"decimals\":\"04\"}", OK},
        {",{\"value\":007,\"decimals\":4}", ERR_BAD_JSON},
        {",{\"value\":7,\"decimals\":04}", ERR_BAD_JSON},
        {",{\"value\":7,\"decimals\":\"04\"}", OK},
        {",{\"value\":\"7\",\"decimals\":\"64\"}", OK},
        {",{\"value\":\"7\",\"decimals\":\"1001\"}", ERR_FIELD_VALUE},
        {",{\"value\":\"7\",\"decimals\":\"\"}", ERR_FIELD_TYPE},
        {",{\"value\":\"7\",\"decimals\":\"4\",\"x\":1}", OK},
        {",{\"value\":\"7\",\"decimals\":\"4\"},", ERR_BAD_JSON},
        {",{\"value\":\"7\",\"decimals\":\"4}", ERR_BAD_JSON},
        {",{\"value\":\"7\",\"decimals\":\"4\"", ERR_BAD_JSON},
        {",{\"value\":\"7\"}", ERR_FIELD_MISSING},
        {",{}", ERR_FIELD_MISSING},
        {",", ERR_BAD_JSON},
        {"{", ERR_BAD_JSON},
    };
    for (size_t i = 0; i < WAYS * COUNT_OF(rows); i++) {
        AUTO(trip_done) struct trip t = {0};
        err_t e = OK;
        size_t taken = read_with_tail(i % WAYS, rows[i / WAYS].tail, &t, &e);
        assert_string_equal(err_name(e), err_name(rows[i / WAYS].code));
        assert_true(e == OK ? taken >= COUNT : taken == 0);
    }
}

static void names_the_value_that_does_not_fit(void **state UNUSED)
{
    AUTO_BUF struct buf numbers = {.max = 4096};
    AUTO_BUF struct buf body = {.max = 8192};
    AUTO(trip_done) struct trip t = {0};
    err_t e = OK;
    put_tensor(&numbers, "b", &styles[0], "");
    put_body(&body, INFER_FORM_TEXT, buf_view(&numbers));
    (void)read_twice(buf_view(&body), &default_limits, &t, &e);
    assert_err(e, ERR_VALUE_RANGE);
    assert_string_equal(t.why.text, "numbers[0].values[7]: does not fit the declared type, int8");
}

/* Pairs where no list of numbers is, and texts that look like an object that stands for pairs. */
static void leaves_alone(void **state UNUSED)
{
    static const struct {
        const char *head; /* of the body; pairs in the style `escaped` asks for; then the tail */
        const char *tail;
        bool escaped;
        err_t code;
        size_t lists;
    } rows[] = {
        {"{\"ipfs_hash\":\"Qm\",\"other\":[{\"values\":[", "]}],\"num_inputs\":[]}", false, OK, 0},
        {"{\"ipfs_hash\":\"Qm\",\"string_inputs\":[{\"name\":\"s\",\"values\":[", "]}]}", false, ERR_FIELD_TYPE, 0},
        {"{\"ipfs_hash\":\"Qm\",\"string_inputs\":[{\"name\":\"s\",\"values\":[\"\\\"values\\\":[", "]\"]}]}", true, OK,
         0},
        {"{\"ipfs_hash\":\"Qm\",\"string_inputs\":[{\"name\":\"s\",\"values\":[\"\\\"values\\\":[",
         "]\"]}],\"num_inputs\":[{\"name\":\"x\",\"shape\":[20],\"values\":[{\"\x7f\":0,\"\":20}]}]}", true,
         ERR_SHAPE_MISMATCH, 0},
        {"{\"ipfs_hash\":\"Qm\",\"string_inputs\":[{\"name\":\"s\",\"values\":[\"\\\"values\\\":[",
         "]\"]}],\"num_inputs\":[{\"name\":\"x\",\"shape\":[20],\"values\":[{\"\\u007f\":0,\"\":20}]}]}", true,
         ERR_SHAPE_MISMATCH, 0},
        {"{\"ipfs_hash\":\"Qm\",\"num_inputs\":[{\"name\":\"x\",\"shape\":[21],\"values\":[",
         ",{\"\\u007F\":0,\"\":20}]}]}", false, ERR_FIELD_MISSING, 0},
        {"{\"ipfs_hash\":\"Qm\",\"num_inputs\":[{\"name\":\"x\",\"shape\":[20],\"values\":[", "],\"values\":[]}]}",
         false, ERR_FIELD_DUPLICATE, 1},
        {"{\"ipfs_hash\":\"Qm\",\"num_inputs\":[{\"name\":\"x\",\"shape\":[{\"values\":[", "]}],\"values\":[]}]}",
         false, ERR_FIELD_TYPE, 0},
        {"{\"ipfs_hash\":\"Qm\",\"num_inputs\":[{\"values\":[", "]}]}", false, ERR_FIELD_MISSING, 1},
        {"{\"ipfs_hash\":\"Qm\",\"num_inputs\":[{\"values\":[", "]}]", false, ERR_BAD_JSON, 0},
        {"{\"values\":[", "]", false, ERR_BAD_JSON, 0},
        {"{\"values\":[", "", false, ERR_BAD_JSON, 0},
    };
    static const struct style escaped = {"{\\\"value\\\":\\\"", "\\\",\\\"decimals\\\":\\\"", "\\\"}", ","};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf body = {.max = 8192};
        AUTO(trip_done) struct trip t = {0};
        err_t e = OK;
        assert_ok(buf_put_text(&body, rows[i].head));
        put_pairs(&body, rows[i].escaped ? &escaped : &styles[0], COUNT);
        assert_ok(buf_put_text(&body, rows[i].tail));
        assert_int_equal(read_twice(buf_view(&body), &default_limits, &t, &e), 0);
        assert_string_equal(err_name(e), err_name(rows[i].code));
        assert_int_equal(t.request.pairs.lists, rows[i].lists);
    }
}

/* At the limit of depth and one level above it, in the body and in the string. */
static void counts_the_levels_of_what_was_taken(void **state UNUSED)
{
    static const unsigned levels[] = {[INFER_FORM_TEXT] = 5, [INFER_FORM_OBJECT] = 6, [INFER_FORM_LISTS] = 5};
    for (size_t i = 0; i < 2 * COUNT_OF(forms); i++) {
        AUTO_BUF struct buf numbers = {.max = 4096};
        AUTO_BUF struct buf body = {.max = 8192};
        AUTO(trip_done) struct trip t = {0};
        err_t e = OK;
        struct infer_limits limits = default_limits;
        limits.json_depth = levels[i / 2] - i % 2;
        put_tensor(&numbers, "x", &styles[0], "");
        put_body(&body, (enum infer_form)(i / 2), buf_view(&numbers));
        (void)read_twice(buf_view(&body), &limits, &t, &e);
        assert_string_equal(err_name(e), err_name(i % 2 == 0 ? OK : ERR_JSON_TOO_DEEP));
    }
}

static size_t random_below(uint64_t *state, size_t n)
{
    *state = *state * 6364136223846793005 + 1442695040888963407;
    return (size_t)(*state >> 33) % n;
}

/* Changes a digit, puts any byte anywhere, copies a piece elsewhere, or cuts the end off. The first field stays one. */
static void damage(struct buf *body, uint64_t *random)
{
    static const char bytes[] = "0123456789-{}[]\",:\\ values";
    size_t at = 2 + random_below(random, body->len - 2);
    size_t from = 2 + random_below(random, body->len - 2);
    size_t kind = random_below(random, 8);
    if (kind == 0)
        body->len = at + 1;
    else if (kind == 1)
        memmove(body->data + at, body->data + from, MIN(body->len - MAX(at, from), 40));
    else if (kind == 2)
        body->data[at] = (uint8_t)bytes[random_below(random, sizeof(bytes) - 1)];
    else if (body->data[at] >= '0' && body->data[at] <= '9')
        body->data[at] = (uint8_t)bytes[random_below(random, 11)];
}

static void changes_nothing_for_damaged_bodies(void **state UNUSED)
{
    uint64_t random = 1;
    size_t taken = 0;
    for (size_t i = 0; i < 40000; i++) {
        AUTO_BUF struct buf numbers = {.max = 4096};
        AUTO_BUF struct buf body = {.max = 8192};
        AUTO(trip_done) struct trip t = {0};
        err_t e = OK;
        put_tensor(&numbers, "x", &styles[i / 3 % COUNT_OF(styles)], "");
        put_body(&body, (enum infer_form)(i % COUNT_OF(forms)), buf_view(&numbers));
        for (size_t changes = 1 + random_below(&random, 4); changes > 0; changes--)
            damage(&body, &random);
        taken += read_twice(buf_view(&body), &default_limits, &t, &e) > 0;
    }
    assert_true(taken > 4000 && taken < 36000);
}

static void survives_every_failed_allocation(void **state UNUSED)
{
    AUTO_BUF struct buf numbers = {.max = 4096};
    AUTO_BUF struct buf body = {.max = 8192};
    err_t e = ERR_NOMEM;
    put_tensor(&numbers, "x", &styles[0], "");
    put_body(&body, INFER_FORM_TEXT, buf_view(&numbers));
    for (long n = 0; e == ERR_NOMEM; n++) {
        AUTO(trip_done) struct trip t = {0};
        mem_fail_after(n);
        e = trip_parse(&t, buf_view(&body), &default_limits);
        mem_fail_after(-1);
    }
    assert_ok(e);
}

/* With less memory than a list takes, the text is read as a whole; what is said to be used is never more than allowed.
 */
static void stays_within_the_memory(void **state UNUSED)
{
    AUTO_BUF struct buf numbers = {.max = 4096};
    AUTO_BUF struct buf body = {.max = 8192};
    size_t fitted = 0;
    put_tensor(&numbers, "x", &styles[0], "");
    put_body(&body, INFER_FORM_TEXT, buf_view(&numbers));
    for (size_t memory = 0; memory < 8000; memory += 16) {
        AUTO(trip_done) struct trip t = {0};
        const struct infer_limits limits = {.json_depth = 64, .json_memory = memory};
        err_t e = trip_parse(&t, buf_view(&body), &limits);
        assert_true(e == OK ? t.request.memory <= memory && t.request.memory > 0 : e == ERR_TOO_LARGE);
        fitted += e == OK;
    }
    assert_true(fitted > 100);
}

static void looks_at_no_short_body(void **state UNUSED)
{
    AUTO_BUF struct buf numbers = {.max = 4096};
    AUTO_BUF struct buf body = {.max = 8192};
    put_tensor(&numbers, "x", &styles[0], "");
    put_body(&body, INFER_FORM_TEXT, buf_view(&numbers));
    for (size_t from = body.len; from <= body.len + 1; from++) {
        AUTO(trip_done) struct trip t = {0};
        const struct infer_limits limits = {.json_depth = 64, .json_memory = MIB, .pairs_from = from};
        assert_ok(trip_parse(&t, buf_view(&body), &limits));
        assert_int_equal(t.request.pairs.lists, from == body.len);
        assert_int_equal(t.request.detached, from == body.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_written_alike),
        cmocka_unit_test(stops_where_it_must),
        cmocka_unit_test(names_the_value_that_does_not_fit),
        cmocka_unit_test(leaves_alone),
        cmocka_unit_test(counts_the_levels_of_what_was_taken),
        cmocka_unit_test(changes_nothing_for_damaged_bodies),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(stays_within_the_memory),
        cmocka_unit_test(looks_at_no_short_body),
    };
    if (signature_make(inputs, COUNT_OF(inputs), NULL, 0, &signature) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    signature_done(&signature);
    return failed;
}
