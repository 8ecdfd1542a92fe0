/* ModelInferRequest and ModelInferResponse by the published field numbers, written here by hand. */
#include "front/grpc_infer.h"

#include "base/varint.h"
#include "tensor/oip_answer.h"

#include "unit.h"

#define MEMORY (64 * KIB)
#define X      "\0\0\xc0\x3f\0\0\0\xc0" /* 1.5, -2 */

/* ── writing protobuf ── */

static void put_bytes(struct buf *b, unsigned number, struct view v)
{
    assert_ok(varint_put(b, number << 3 | 2));
    assert_ok(varint_put(b, v.len));
    assert_ok(buf_put_view(b, v));
}

static void put_text(struct buf *b, unsigned number, const char *text)
{
    put_bytes(b, number, text_view(text));
}

/* An input: name 1, datatype 2, shape 3, contents 5. */
static void put_tensor(struct buf *b, const char *name, const char *datatype, uint64_t dim, struct view contents)
{
    AUTO_BUF struct buf t = BUF_WITH(4 * KIB);
    put_text(&t, 1, name);
    put_text(&t, 2, datatype);
    assert_ok(varint_put(&t, 3 << 3));
    assert_ok(varint_put(&t, dim));
    if (contents.data != NULL)
        put_bytes(&t, 5, contents);
    put_bytes(b, 5, buf_view(&t));
}

/* model_name 1, id 3, one input x of two floats, output y, raw_input_contents 7. */
static struct buf a_request(void)
{
    struct buf b = BUF_WITH(4 * KIB);
    put_text(&b, 1, "model");
    put_text(&b, 3, "seven");
    put_tensor(&b, "x", "FP32", 2, NOTHING);
    put_bytes(&b, 6, text_view("\x0a\x01y"));
    put_bytes(&b, 7, view_of(X, 8));
    return b;
}

static const struct infer_limits limits = {.json_memory = MEMORY, .priorities = 3};

static err_t parse(struct view message, struct grpc_infer *g)
{
    struct why why = {0};
    size_t memory = 0;
    return grpc_infer_parse(message, &limits, g, &memory, &why);
}

/* ── requests ── */

static void test_raw(void **state)
{
    AUTO_BUF struct buf b = a_request();
    struct grpc_infer g;
    (void)state;
    assert_int_equal(grpc_infer_head(buf_view(&b)), b.len - 10);
    assert_ok(parse(buf_view(&b), &g));
    assert_view(g.name, text_view("model"));
    assert_view(g.request.id, text_view("seven"));
    assert_int_equal(g.request.n_inputs, 1);
    assert_view(g.request.inputs[0].name, text_view("x"));
    assert_int_equal(g.request.inputs[0].dtype, DTYPE_FLOAT);
    assert_int_equal(g.request.inputs[0].rank, 1);
    assert_int_equal(g.request.inputs[0].dims[0], 2);
    assert_true(g.request.inputs[0].bytes.data == b.data + b.len - 8); /* no copy */
    assert_int_equal(g.request.n_outputs, 1);
    assert_true(g.request.outputs[0].binary);
    grpc_infer_drop(&g); /* the answer still has id and names */
    assert_view(g.request.outputs[0].name, text_view("y"));
    assert_view(g.request.id, text_view("seven"));
    grpc_infer_done(&g);
    grpc_infer_done(&(struct grpc_infer){0});
}

/* Each list of contents becomes elements as wide as the type. */
static void test_contents(void **state)
{
    static const struct {
        const char *datatype;
        struct view
            contents; /* InferTensorContents: bool 1, int 2, int64 3, uint 4, uint64 5, fp32 6, fp64 7, bytes 8 */
        struct view elements;
    } rows[] = {
#define ROW(datatype, contents, elements)                                                                              \
    {                                                                                                                  \
        datatype, {(const uint8_t *)(contents), sizeof(contents) - 1},                                                 \
        {                                                                                                              \
            (const uint8_t *)(elements), sizeof(elements) - 1                                                          \
        }                                                                                                              \
    }
        ROW("BOOL", "\x0a\x02\1\0", "\1\0"),
        ROW("INT8", "\x12\x0b\x7f\x80\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x7f\x80"),
        ROW("INT16", "\x12\x02\1\2", "\1\0\2\0"),
        ROW("INT32", "\x12\x02\1\2", "\1\0\0\0\2\0\0\0"),
        ROW("INT64", "\x1a\x02\1\2", "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"),
        ROW("UINT8", "\x22\x03\1\xff\1", "\1\xff"),
        ROW("UINT16", "\x22\x02\1\2", "\1\0\2\0"),
        ROW("UINT64", "\x2a\x02\1\2", "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"),
        ROW("FP32", "\x32\x08" X, X),
        ROW("FP64", "\x3a\x10" X X, X X),
        ROW("BYTES",
            "\x42\x01"
            "a\x42\x00",
            "\1\0\0\0a\0\0\0\0"),
#undef ROW
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf b = BUF_WITH(4 * KIB);
        struct grpc_infer g;
        put_tensor(&b, "x", rows[i].datatype, 2, rows[i].contents);
        assert_ok(parse(buf_view(&b), &g));
        assert_view(g.request.inputs[0].bytes, rows[i].elements);
        grpc_infer_done(&g);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *datatype;
        struct view contents;
        const char *raw; /* NULL: none */
        err_t e;
    } rows[] = {
#define ROW(datatype, contents, raw, e) {datatype, {(const uint8_t *)(contents), sizeof(contents) - 1}, raw, e}
        ROW("INT8", "\x12\x02\x80\1", NULL, ERR_VALUE_RANGE),
        ROW("UINT8", "\x22\x02\x80\2", NULL, ERR_VALUE_RANGE),
        ROW("FP16", "\x32\x08" X, NULL, ERR_DTYPE_UNSUPPORTED),
        ROW("BF16", "\x32\x08" X, NULL, ERR_DTYPE_UNSUPPORTED),
        ROW("FP32", "\x12\x01\1", NULL, ERR_FIELD_VALUE),
        ROW("FP32", "\x32\x08" X "\x12\x01\1", NULL, ERR_FIELD_VALUE),
        ROW("FP32", "\x32\x08" X, "raw", ERR_FIELD_VALUE),
        ROW("FP8", "", NULL, ERR_FIELD_VALUE),
        ROW("", "", NULL, ERR_FIELD_VALUE),
        ROW("FP32",
            "\x32\x07"
            "1234567",
            NULL, ERR_MALFORMED),
#undef ROW
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf b = BUF_WITH(4 * KIB);
        struct grpc_infer g;
        put_tensor(&b, "x", rows[i].datatype, 2, rows[i].contents);
        if (rows[i].raw != NULL)
            put_text(&b, 7, rows[i].raw);
        assert_err(parse(buf_view(&b), &g), rows[i].e);
        grpc_infer_done(&g); /* it has been emptied */
    }
}

/* Cut off anywhere it is refused, or says less; raw tensors must be bytes, and as many as inputs. */
static void test_cut(void **state)
{
    AUTO_BUF struct buf b = a_request();
    struct grpc_infer g;
    (void)state;
    for (size_t n = 0; n < b.len; n++) {
        if (parse(view_of(b.data, n), &g) != OK)
            continue;
        assert_true(g.n_raw == 0 && g.request.n_inputs <= 1);
        grpc_infer_done(&g);
    }
    put_text(&b, 7, "one too many");
    assert_err(parse(buf_view(&b), &g), ERR_FIELD_VALUE);
    assert_err(parse(text_view("\x38\x01"), &g), ERR_MALFORMED);                   /* 7 as a varint */
    assert_err(parse(text_view("\x22\x0a\x0a\x08triton_x"), &g), ERR_FIELD_VALUE); /* parameters: 4 */
    assert_ok(parse(text_view("\x22\x08\x0a\x06triton"), &g));
    grpc_infer_done(&g);
    assert_err(parse(text_view("\x12\x01"
                               "2"),
                     &g),
               ERR_NOT_FOUND);
}

/* An entry of `parameters`: key 1, value 2 (bool 1, int64 2, string 3, double 4, uint64 5). */
static struct buf parameter(const char *key, struct view value)
{
    AUTO_BUF struct buf entry = BUF_WITH(KIB);
    struct buf b = BUF_WITH(KIB);
    put_text(&entry, 1, key);
    put_bytes(&entry, 2, value);
    put_bytes(&b, 4, buf_view(&entry));
    return b;
}

#define DAY       "\x80\xc0\xdd\xee\xc1\x02" /* 86,400,000,000 */
#define DAY_OVER  "\x81\xc0\xdd\xee\xc1\x02"
#define MINUS_ONE "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
#define VALUE(text)                                                                                                    \
    {                                                                                                                  \
        (const uint8_t *)(text), sizeof(text) - 1                                                                      \
    }

/* Signed and unsigned numbers, as clients of Triton send them. */
static void test_turn(void **state)
{
    static const struct {
        const char *key;
        struct view value;
        err_t e;
        uint64_t timeout_us;
        uint64_t priority;
    } rows[] = {
        {"timeout", VALUE("\x10\x00"), OK, 0, 0},
        {"timeout", VALUE("\x10\x07"), OK, 7, 0},
        {"timeout", VALUE("\x28\x07"), OK, 7, 0},
        {"timeout", VALUE("\x10" DAY), OK, UINT64_C(86400000000), 0},
        {"timeout", VALUE("\x10" DAY_OVER), ERR_FIELD_VALUE, 0, 0},
        {"timeout", VALUE("\x28" DAY_OVER), ERR_FIELD_VALUE, 0, 0},
        {"timeout", VALUE("\x10" MINUS_ONE), ERR_FIELD_VALUE, 0, 0},
        {"timeout", VALUE("\x28" MINUS_ONE), ERR_FIELD_VALUE, 0, 0},
        {"timeout", VALUE("\x08\x01"), ERR_FIELD_TYPE, 0, 0},
        {"timeout", VALUE("\x1a\x01\x37"), ERR_FIELD_TYPE, 0, 0},
        {"timeout", VALUE("\x21\0\0\0\0\0\0\0\0"), ERR_FIELD_TYPE, 0, 0},
        {"timeout", VALUE(""), ERR_FIELD_TYPE, 0, 0},
        {"priority", VALUE("\x28\x00"), OK, 0, 0},
        {"priority", VALUE("\x28\x01"), OK, 0, 1},
        {"priority", VALUE("\x10\x03"), OK, 0, 3},
        {"priority", VALUE("\x10\x04"), ERR_FIELD_VALUE, 0, 0},
        {"priority", VALUE("\x28\x04"), ERR_FIELD_VALUE, 0, 0},
        {"priority", VALUE("\x10" MINUS_ONE), ERR_FIELD_VALUE, 0, 0},
        {"priority", VALUE("\x1a\x01\x31"), ERR_FIELD_TYPE, 0, 0},
        {"Priority", VALUE("\x1a\x01\x31"), OK, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf b = parameter(rows[i].key, rows[i].value);
        struct grpc_infer g;
        assert_err(parse(buf_view(&b), &g), rows[i].e);
        assert_int_equal(g.request.timeout_us, rows[i].timeout_us);
        assert_int_equal(g.request.priority, rows[i].priority);
        grpc_infer_done(&g);
    }
}

/* The node has no levels: whatever is asked for is not heard. */
static void test_no_levels(void **state)
{
    static const struct view values[] = {VALUE("\x28\x01"), VALUE("\x10" MINUS_ONE), VALUE("\x1a\x01\x31")};
    const struct infer_limits none = {.json_memory = MEMORY};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        AUTO_BUF struct buf b = parameter("priority", values[i]);
        struct grpc_infer g;
        struct why why = {0};
        size_t memory = 0;
        assert_ok(grpc_infer_parse(buf_view(&b), &none, &g, &memory, &why));
        assert_int_equal(g.request.priority, 0);
        grpc_infer_done(&g);
    }
}

static void test_memory(void **state)
{
    AUTO_BUF struct buf b = a_request();
    struct grpc_infer g;
    struct why why = {0};
    size_t memory = 0, needed = 0;
    (void)state;
    assert_ok(grpc_infer_parse(buf_view(&b), &limits, &g, &needed, &why));
    grpc_infer_done(&g);
    for (struct infer_limits most = {0}; most.json_memory < needed; most.json_memory++)
        assert_err(grpc_infer_parse(buf_view(&b), &most, &g, &memory, &why), ERR_TOO_LARGE);
    err_t e = ERR_NOMEM;
    for (long n = 0; e == ERR_NOMEM; n++) {
        assert_true(n < 50);
        mem_fail_after(n);
        e = grpc_infer_parse(buf_view(&b), &limits, &g, &memory, &why);
        mem_fail_after(-1);
        assert_true(e == OK || n < 49);
    }
    assert_ok(e);
    grpc_infer_done(&g);
}

/* ── answers ── */

static err_t answer(struct buf *out)
{
    static const int64_t dims[] = {2};
    const struct value_desc y = {.name = text_view("y"), .type.dtype = DTYPE_FLOAT, .rank = 1, .dims = dims};
    const uint64_t len = 8;
    AUTO(value_set_done) struct value_set outputs = {0};
    assert_ok(value_set_make(&y, 1, &len, KIB, &outputs));
    AUTO_BUF struct buf b = a_request();
    struct grpc_infer g;
    struct why why = {0};
    assert_ok(parse(buf_view(&b), &g));
    err_t e = grpc_infer_write(&g, text_view("model"), &outputs, view_of(X, 8), out, &why);
    grpc_infer_done(&g);
    return e;
}

/* model_name 1, model_version 2, id 3, outputs 5 (name 1, datatype 2, shape 3), raw_output_contents 6. */
static void test_answer(void **state)
{
    AUTO_BUF struct buf out = BUF_WITH(KIB);
    AUTO_BUF struct buf wanted = BUF_WITH(KIB);
    (void)state;
    put_text(&wanted, 1, "model");
    put_text(&wanted, 2, "1");
    put_text(&wanted, 3, "seven");
    put_bytes(&wanted, 5,
              view_of("\x0a\x01y\x12\x04"
                      "FP32\x1a\x01\x02",
                      12));
    put_bytes(&wanted, 6, view_of(X, 8));
    assert_ok(answer(&out));
    assert_int_equal(out.data[4], wanted.len);
    assert_view(view_of(out.data + GRPC_PREFIX, out.len - GRPC_PREFIX), buf_view(&wanted));
    for (size_t most = 0; most < GRPC_PREFIX + wanted.len; most++) {
        AUTO_BUF struct buf small = BUF_WITH(most);
        assert_err(answer(&small), ERR_OUTPUT_TOO_LARGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw),    cmocka_unit_test(test_contents), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut),    cmocka_unit_test(test_turn),     cmocka_unit_test(test_no_levels),
        cmocka_unit_test(test_memory), cmocka_unit_test(test_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
