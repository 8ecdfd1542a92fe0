/* The JOB message: what is taken, and that everything else is refused. */
#include "infer/job.h"

#include "infer/slots.h"
#include "../unit.h"

static const int64_t dims[] = {2};

/* A message about one int64 tensor x of two elements, in 16 bytes of the area. */
struct fixture {
    struct msg_job head;
    struct buf tail;
};

static void fixture_done(struct fixture *f)
{
    buf_done(&f->tail);
}

static struct fixture fixture(void)
{
    struct value_desc d = {.name = text_view("x"), .type = {.dtype = DTYPE_INT64}, .rank = 1, .dims = dims};
    struct fixture f = {.head = {.job = 5, .bytes = 16, .run_ms = 1000, .slot = 3}, .tail = {.max = WIRE_TAIL_MAX}};
    uint64_t len = 16;
    AUTO(value_set_done) struct value_set set = {0};
    assert_ok(value_set_make(&d, 1, &len, 16, &set));
    assert_ok(value_set_encode(&set, &f.tail));
    return f;
}

static err_t parse(const struct fixture *f)
{
    AUTO(value_set_done) struct value_set inputs = {0};
    struct wire_msg m = {.type = MSG_JOB, .fixed = &f->head, .tail = buf_view(&f->tail)};
    const struct msg_job *head = NULL;
    TRY(job_head(&m, &head));
    assert_ptr_equal(head, &f->head);
    return job_inputs(&m, &inputs);
}

static void an_honest_job(void **state UNUSED)
{
    AUTO(fixture_done) struct fixture f = fixture();
    AUTO(value_set_done) struct value_set inputs = {0};
    struct wire_msg m = {.type = MSG_JOB, .fixed = &f.head, .tail = buf_view(&f.tail)};
    assert_ok(job_inputs(&m, &inputs));
    assert_int_equal(inputs.descs.count, 1);
    assert_int_equal(inputs.places[0].offset, 0);
    assert_int_equal(inputs.places[0].len, 16);
    assert_int_equal(inputs.total, 16);
}

static void heads_that_are_refused(void **state UNUSED)
{
    AUTO(fixture_done) struct fixture f = fixture();
    const struct msg_job good = f.head;
    f.head.slot = SLOTS_MAX;
    assert_err(parse(&f), ERR_PROTOCOL);
    f.head = good;
    f.head.slot = SLOTS_MAX - 1;
    assert_ok(parse(&f));
    f.head.run_ms = 0;
    assert_err(parse(&f), ERR_PROTOCOL);
    f.head = good;
    f.head.bytes = 15;
    assert_err(parse(&f), ERR_PROTOCOL);
    for (unsigned len = 0; len < 256; len++) {
        f.head = good;
        f.head.nonce.len = (uint8_t)len;
        assert_err(parse(&f), len == 0 || (len >= NONCE_MIN && len <= NONCE_MAX) ? OK : ERR_PROTOCOL);
    }
}

static void tails_that_are_refused(void **state UNUSED)
{
    AUTO(fixture_done) struct fixture f = fixture();
    size_t whole = f.tail.len;
    for (size_t len = 0; len < whole; len++) {
        f.tail.len = len;
        assert_err(parse(&f), ERR_PROTOCOL);
    }
    f.tail.len = whole;
    assert_ok(parse(&f));
    assert_ok(buf_put_u8(&f.tail, 0));
    assert_err(parse(&f), ERR_PROTOCOL);
}

static void another_message(void **state UNUSED)
{
    AUTO(fixture_done) struct fixture f = fixture();
    struct wire_msg m = {.type = MSG_RESULT, .fixed = &f.head, .tail = buf_view(&f.tail)};
    const struct msg_job *head = NULL;
    assert_err(job_head(&m, &head), ERR_PROTOCOL);
}

static void every_allocation_may_fail(void **state UNUSED)
{
    AUTO(fixture_done) struct fixture f = fixture();
    err_t e = ERR_NOMEM;
    for (long n = 0; e == ERR_NOMEM; n++) {
        mem_fail_after(n);
        e = parse(&f);
        mem_fail_after(-1);
    }
    assert_ok(e);
}

/* ── blame ── */

static void expect_blame(const struct signature *s, const struct value_desc *given, size_t count, const char *sentence)
{
    AUTO(desc_list_done) struct desc_list list = {0};
    struct why why = {{0}};
    assert_ok(desc_list_make(given, count, &list));
    err_t e = signature_takes(s, &list);
    assert_true(e != OK);
    assert_err(job_blame(s, &list, e, &why), e);
    assert_string_equal(why.text, sentence);
}

static void the_input_at_fault_is_named(void **state UNUSED)
{
    static const int64_t two[] = {2}, three[] = {3};
    const struct value_desc a = {.name = text_view("a"), .type = {.dtype = DTYPE_FLOAT}, .rank = 1, .dims = two};
    const struct value_desc b = {
        .name = text_view("b"), .type = {.dtype = DTYPE_INT64}, .rank = 1, .dims = two, .may_miss = true};
    const struct value_desc c = {.name = text_view("c"), .type = {.dtype = DTYPE_FLOAT}, .rank = 1, .dims = two};
    const struct value_desc declared[] = {a, b, c};
    AUTO(signature_done) struct signature s = {0};
    assert_ok(signature_make(declared, 3, &c, 1, &s));
    struct value_desc wide = c, typed = b;
    wide.dims = three;
    typed.type.dtype = DTYPE_INT32;
    typed.may_miss = false;
    expect_blame(&s, (const struct value_desc[]){a}, 1, "input c: an input that the model declares is missing");
    expect_blame(&s, (const struct value_desc[]){c}, 1, "input a: an input that the model declares is missing");
    expect_blame(&s, (const struct value_desc[]){a, wide}, 2,
                 "input c: the shape does not fit the model or the number of values");
    expect_blame(&s, (const struct value_desc[]){a, typed, c}, 3, "input b: the data type does not fit the model's");
    expect_blame(&s, (const struct value_desc[]){a, c, c}, 3, "an input is not declared by the model");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_job),          cmocka_unit_test(heads_that_are_refused),
        cmocka_unit_test(tails_that_are_refused), cmocka_unit_test(another_message),
        cmocka_unit_test(every_allocation_may_fail), cmocka_unit_test(the_input_at_fault_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
