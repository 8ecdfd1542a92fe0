/* Requests of the Open Inference Protocol: what is made of them, and what becomes of the memory when there is none. The
   refusals are in test/behaviour/53_oip_refusals.py. */
#include "tensor/oip_answer.h"
#include "tensor/oip_meta.h"

#include "model.h"

static const struct value_desc inputs[] = {
    TENSOR("x", DTYPE_FLOAT, DIM_ANY, 2),
    TENSOR("s", DTYPE_STRING, DIM_ANY),
    {.name = {(const uint8_t *)"opt", 3}, .type = {.dtype = DTYPE_INT8}, .rank = RANK_UNKNOWN, .may_miss = true},
};
static const struct value_desc outputs[] = {TENSOR("y", DTYPE_FLOAT, DIM_ANY), TENSOR("t", DTYPE_STRING, DIM_ANY)};

/* A request on its way. */
struct ride {
    struct buf body;
    struct oip_request request;
    struct value_set set;
    uint8_t *area;
    struct why why;
};

static void ride_done(struct ride *t)
{
    value_set_done(&t->set);
    oip_request_done(&t->request);
    buf_done(&t->body);
    mem_free(t->area);
}

static err_t ride_make(struct ride *t, struct view json, struct view tail)
{
    AUTO(signature_done) struct signature s = {0};
    buf_init(&t->body, json.len + tail.len + INFER_BODY_PAD);
    TRY(signature_make(inputs, COUNT_OF(inputs), outputs, COUNT_OF(outputs), &s));
    TRY(buf_put_view(&t->body, json));
    TRY(buf_put_view(&t->body, tail));
    TRY(oip_request_parse(&t->body, json.len, false, 0, &default_limits, &t->request, &t->why));
    TRY(oip_request_measure(&t->request, &s, AREA_MAX, &t->set, &t->why));
    t->area = mem_alloc(1, MAX(t->set.total, 1));
    if (t->area == NULL)
        return ERR_NOMEM;
    return oip_request_fill(&t->request, &t->set, t->area, &t->why);
}

static struct view payload(const struct ride *t, size_t i)
{
    return view_of(t->area + t->set.places[i].offset, t->set.places[i].len);
}

#define X_JSON   "{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,2],\"data\":[[1.5],-2]}"
#define S_BINARY "{\"name\":\"s\",\"datatype\":\"BYTES\",\"shape\":[2],\"parameters\":{\"binary_data_size\":10}}"
#define MIXED    "{\"id\":\"7\",\"inputs\":[" S_BINARY "," X_JSON "],\"outputs\":[{\"name\":\"t\"}]}"
static const uint8_t tail[] = {1, 0, 0, 0, 'a', 1, 0, 0, 0, 0};

static void takes_json_and_binary_together(void **state UNUSED)
{
    static const float x[] = {1.5F, -2};
    AUTO(ride_done) struct ride t = {0};
    assert_ok(ride_make(&t, text_view(MIXED), view_of(tail, sizeof(tail))));
    assert_int_equal(t.set.descs.count, 2); /* in the model's order */
    assert_view(payload(&t, 0), view_of(x, sizeof(x)));
    assert_view(payload(&t, 1), view_of(tail, sizeof(tail)));
    oip_request_drop(&t.request);
    buf_done(&t.body);
    assert_view(t.request.id, text_view("7")); /* outlives the body */
    assert_view(t.request.outputs[0].name, text_view("t"));
}

/* With three levels, and with none. */
static void takes_its_turn(void **state UNUSED)
{
    static const struct {
        const char *parameters;
        err_t e;
        uint64_t timeout_us;
        uint64_t priority;
    } rows[] = {
        {"", OK, 0, 0},
        {"\"timeout\":0,\"priority\":0", OK, 0, 0},
        {"\"timeout\":7,\"priority\":1", OK, 7, 1},
        {"\"priority\":3,\"timeout\":86400000000", OK, UINT64_C(86400000000), 3},
        {"\"timeout\":86400000001", ERR_FIELD_VALUE, 0, 0},
        {"\"timeout\":18446744073709551616", ERR_FIELD_VALUE, 0, 0},
        {"\"timeout\":-1", ERR_FIELD_VALUE, 0, 0},
        {"\"timeout\":1.0", ERR_FIELD_VALUE, 0, 0},
        {"\"timeout\":\"7\"", ERR_FIELD_TYPE, 0, 0},
        {"\"timeout\":false", ERR_FIELD_TYPE, 0, 0},
        {"\"timeout\":1,\"timeout\":1", ERR_FIELD_DUPLICATE, 0, 0},
        {"\"priority\":4", ERR_FIELD_VALUE, 0, 0},
        {"\"priority\":-1", ERR_FIELD_VALUE, 0, 0},
        {"\"priority\":\"1\"", ERR_FIELD_TYPE, 0, 0},
    };
    struct infer_limits limits = default_limits;
    for (size_t n = 0; n < 2 * COUNT_OF(rows); n++) {
        AUTO(ride_done) struct ride t = {0};
        size_t row = n % COUNT_OF(rows);
        bool heard = n < COUNT_OF(rows);
        char text[256];
        int len = snprintf(text, sizeof(text), "{\"inputs\":[],\"parameters\":{%s}}", rows[row].parameters);
        bool ignored = !heard && rows[row].e != OK && strncmp(rows[row].parameters, "\"priority", 9) == 0;
        limits.priorities = heard ? 3 : 0;
        buf_init(&t.body, sizeof(text) + INFER_BODY_PAD);
        assert_ok(buf_put(&t.body, (const uint8_t *)text, (size_t)len));
        assert_err(oip_request_parse(&t.body, (size_t)len, false, 0, &limits, &t.request, &t.why),
                   ignored ? OK : rows[row].e);
        assert_int_equal(t.request.timeout_us, rows[row].timeout_us);
        assert_int_equal(t.request.priority, heard ? rows[row].priority : 0);
    }
}

static void answers(void **state UNUSED)
{
    static const float y[] = {0.1F, -3};
    const uint64_t lens[] = {sizeof(y), sizeof(tail)};
    const struct value_desc got[] = {TENSOR("y", DTYPE_FLOAT, 2), TENSOR("t", DTYPE_STRING, 2)};
    const struct oip_request all = {.id = text_view("a\"b")};
    struct oip_output wanted[] = {{.name = text_view("t"), .binary = true}, {.name = text_view("y")}};
    const struct oip_request some = {.n_outputs = 2, .outputs = wanted};
    AUTO(value_set_done) struct value_set set = {0};
    AUTO_BUF struct buf out = BUF_WITH(1000);
    uint8_t area[128] = {0};
    struct why why = {0};
    size_t json_len = 1;
    assert_ok(value_set_make(got, 2, lens, sizeof(area), &set));
    memcpy(area, y, sizeof(y));
    memcpy(area + set.places[1].offset, tail, sizeof(tail));
    assert_ok(oip_answer_write(&all, text_view("m"), &set, view_of(area, sizeof(area)), &out, &json_len, &why));
    assert_view(buf_view(&out),
                text_view("{\"model_name\":\"m\",\"model_version\":\"1\",\"id\":\"a\\\"b\",\"outputs\":["
                          "{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":[2],\"data\":[0.10000000149011612,-3.0]},"
                          "{\"name\":\"t\",\"datatype\":\"BYTES\",\"shape\":[2],\"data\":[\"a\",\"\\u0000\"]}]}"));
    assert_int_equal(json_len, 0);
    buf_clear(&out);
    assert_ok(oip_answer_write(&some, text_view("m"), &set, view_of(area, sizeof(area)), &out, &json_len, &why));
    assert_view(view_of(out.data + json_len, out.len - json_len), view_of(tail, sizeof(tail)));
    area[set.places[1].offset] = 200; /* infer lies about a length */
    buf_clear(&out);
    assert_int_equal(oip_answer_write(&some, text_view("m"), &set, view_of(area, sizeof(area)), &out, &json_len, &why),
                     ERR_OUTPUT_UNSUPPORTED);
    buf_clear(&out);
    assert_int_equal(oip_answer_write(&all, text_view("m"), &set, view_of(area, sizeof(area)), &out, &json_len, &why),
                     ERR_OUTPUT_UNSUPPORTED);
    AUTO_BUF struct buf small = BUF_WITH(100);
    assert_int_equal(oip_answer_write(&all, text_view("m"), &set, view_of(area, sizeof(area)), &small, &json_len, &why),
                     ERR_OUTPUT_TOO_LARGE);
}

/* Against sorting: many elements, few classes. */
static void finds_the_largest(void **state UNUSED)
{
    uint16_t numbers[1000];
    uint32_t random = 1;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        random = random * 1664525 + 1013904223;
        numbers[i] = (uint16_t)(random >> 20);
    }
    AUTO_BUF struct buf out = BUF_WITH(10000);
    assert_ok(oip_classify(DTYPE_UINT16, (const uint8_t *)numbers, COUNT_OF(numbers), 50, &out));
    struct view in = buf_view(&out);
    bool taken[COUNT_OF(numbers)] = {false};
    for (unsigned n = 0; n < 50; n++) {
        size_t best = COUNT_OF(numbers);
        for (size_t i = 0; i < COUNT_OF(numbers); i++)
            if (!taken[i] && (best == COUNT_OF(numbers) || numbers[i] > numbers[best]))
                best = i;
        taken[best] = true;
        char wanted[64];
        struct view text = {0};
        uint32_t len = 0;
        (void)snprintf(wanted, sizeof(wanted), "%u.000000:%zu", numbers[best], best);
        assert_ok(view_u32le(&in, &len));
        assert_ok(view_take(&in, len, &text));
        assert_view(text, text_view(wanted));
    }
    assert_ok(view_end(&in));
}

#define HUGE_CLASS (4 + 309 + 7 + 2) /* 1e308 and its index, below 10 */

/* `n` outputs of `count` huge numbers, all classified, in binary. */
static err_t answer_huge(size_t n, uint64_t count, size_t max, struct buf *ret, struct why *why)
{
    const struct value_desc got[] = {TENSOR("y", DTYPE_DOUBLE, (int64_t)count),
                                     TENSOR("z", DTYPE_DOUBLE, (int64_t)count)};
    const uint64_t lens[] = {count * sizeof(double), count * sizeof(double)};
    struct oip_output wanted[] = {{text_view("y"), true, OIP_CLASSES_MAX}, {text_view("z"), true, OIP_CLASSES_MAX}};
    const struct oip_request r = {.n_outputs = n, .outputs = wanted};
    AUTO(value_set_done) struct value_set set = {0};
    size_t json_len = 0;
    buf_init(ret, max);
    assert_ok(value_set_make(got, 2, lens, AREA_MAX, &set));
    AUTO_MEM uint8_t *area = mem_alloc(1, set.total);
    assert_non_null(area);
    for (size_t i = 0; i < set.total / sizeof(double); i++)
        memcpy(area + i * sizeof(double), &(double){1e308}, sizeof(double));
    return oip_answer_write(&r, text_view("m"), &set, view_of(area, set.total), ret, &json_len, why);
}

/* Each output had the whole answer's room for its classes, beside the answer: gigabytes, and minutes, of one run. */
static void classes_have_one_room(void **state UNUSED)
{
    static const struct {
        size_t n;
        uint64_t count;
        size_t max;
        const char *why; /* NULL: an answer */
    } rows[] = {
        {1, 2, 4 * HUGE_CLASS + 200, NULL},
        {1, 2, 4 * HUGE_CLASS, "output 0: the answer exceeds 644 bytes"},
        {1, 2, 2 * HUGE_CLASS - 1, "output 0: the classes exceed 643 bytes"},
        {2, 2, 8 * HUGE_CLASS + 300, NULL},
        {2, 2, 4 * HUGE_CLASS - 1, "output 1: the classes exceed 1287 bytes"},
        {1, 53000, GIB, "output 0: the classes exceed 16777216 bytes"},
        {2, 27000, GIB, "output 1: the classes exceed 16777216 bytes"},
        {1, 27000, GIB, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = {0};
        struct why why = {0};
        assert_err(answer_huge(rows[i].n, rows[i].count, rows[i].max, &out, &why),
                   rows[i].why != NULL ? ERR_OUTPUT_TOO_LARGE : OK);
        assert_string_equal(why.text, rows[i].why != NULL ? rows[i].why : "");
        assert_true(rows[i].why != NULL || out.len > rows[i].n * rows[i].count * HUGE_CLASS);
    }
}

static void fails_without_memory(void **state UNUSED)
{
    err_t e = ERR_NOMEM;
    for (long n = 0; e == ERR_NOMEM; n++) {
        AUTO(ride_done) struct ride t = {0};
        mem_fail_after(n);
        e = ride_make(&t, text_view(MIXED), view_of(tail, sizeof(tail)));
        mem_fail_after(-1);
        assert_true(n < 100);
    }
    assert_ok(e);
}

static void describes_models(void **state UNUSED)
{
    AUTO(signature_done) struct signature s = {0};
    AUTO_BUF struct buf out = BUF_WITH(2000);
    assert_ok(signature_make(inputs, COUNT_OF(inputs), outputs, 1, &s));
    assert_ok(oip_metadata_write(&s, text_view("m"), &out));
    assert_view(buf_view(&out),
                text_view("{\"name\":\"m\",\"versions\":[\"1\"],\"platform\":\"onnxruntime_onnx\",\"inputs\":["
                          "{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[-1,2]},{\"name\":\"s\",\"datatype\":"
                          "\"BYTES\",\"shape\":[-1]},"
                          "{\"name\":\"opt\",\"datatype\":\"INT8\",\"shape\":[-1]}],\"outputs\":["
                          "{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":[-1]}]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_json_and_binary_together),
        cmocka_unit_test(takes_its_turn),
        cmocka_unit_test(answers),
        cmocka_unit_test(finds_the_largest),
        cmocka_unit_test(classes_have_one_room),
        cmocka_unit_test(fails_without_memory),
        cmocka_unit_test(describes_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
