/* Runs that nobody asks for: each is answered with its result, nobody else hears of it, and the model serves after it. */
#include "drive.h"

#include "../unit.h"

#include <stdio.h>

#define PATIENCE_MS 20000
#define LONG_MS     30000

static const struct drive_options one_worker = {.workers = 1};

static void tell(struct drive *d, uint32_t ms)
{
    const struct msg_infer_warm warm = {.ms = ms};
    assert_ok(wire_send(&d->control, MSG_INFER_WARM, &warm, view_of(NULL, 0), NULL, 0));
}

static struct msg_infer_warmed hear(struct drive *d)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct msg_infer_warmed warmed;
    assert_ok(wire_wait(&d->control, PATIENCE_MS));
    assert_ok(wire_recv(&d->control, &d->control_in, false, &m));
    assert_int_equal(m.type, MSG_INFER_WARMED);
    memcpy(&warmed, m.fixed, sizeof(warmed));
    return warmed;
}

/* No report comes of it, and it asks for nothing. */
static void expect(const struct drive_options *options, const char *model, uint32_t ms, err_t result)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct drive d;
    drive_start(&d, options);
    assert_ok(drive_load(&d, drive_model(model)));
    tell(&d, ms);
    struct msg_infer_warmed warmed = hear(&d);
    if (err_from_wire(warmed.result) != result)
        fail_msg("%s: %s", model, err_name(err_from_wire(warmed.result)));
    assert_err(wire_recv(&d.report, &d.report_in, false, &m), ERR_WOULD_BLOCK);
    drive_front(&d);
    drive_down(&d);
}

static void every_type_has_zeros(void **state UNUSED)
{
    static const char *const types[] = {"float", "uint8",  "int64",   "string", "bool", "float16",
                                        "double", "uint64", "bfloat16"};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "identity_%s", types[i]);
        expect(&one_worker, name, LONG_MS, OK);
    }
    expect(&one_worker, "scalar", LONG_MS, OK);
    expect(&one_worker, "add", LONG_MS, OK); /* one input may miss */
    expect(&one_worker, "many_outputs", LONG_MS, OK); /* of no declared shape */
    expect(&one_worker, "mlp", LONG_MS, OK);
}

static void what_has_no_zeros_is_left_out(void **state UNUSED)
{
    expect(&one_worker, "length", LONG_MS, ERR_DTYPE_UNSUPPORTED);
    expect(&one_worker, "wide", LONG_MS, ERR_TOO_LARGE);
}

static void it_has_the_limits_of_a_job(void **state UNUSED)
{
    expect(&one_worker, "endless", 200, ERR_RUN_TIMEOUT);
    if (!JAIL_SANITIZED)
        expect(&(struct drive_options){.workers = 1, .data_limit = 128 * MIB}, "hungry", LONG_MS, ERR_RUN_OUT_OF_MEMORY);
}

/* With one worker the job would wait for the end of the other run. */
static void a_front_ends_it(void **state UNUSED)
{
    struct drive d;
    AUTO(drive_outcome_done) struct drive_outcome o = {0};
    struct msg_report report;
    const float one = 1;
    struct drive_value x = drive_tensor("x", DTYPE_FLOAT, 0, NULL, &one, sizeof(one));
    drive_start(&d, &one_worker);
    assert_ok(drive_load(&d, drive_model("endless")));
    tell(&d, LONG_MS);
    drive_front(&d);
    assert_int_equal(hear(&d).result, ERR_RUN_CANCELLED);
    (void)drive_send(&d, 0, 200, &x, 1);
    drive_report(&d, &report);
    drive_result(&d, &o);
    assert_int_equal(o.result.result, ERR_RUN_TIMEOUT);
    drive_down(&d);
}

static void it_can_be_repeated(void **state UNUSED)
{
    struct drive d;
    drive_start(&d, &one_worker);
    assert_ok(drive_load(&d, drive_model("mlp")));
    for (int i = 0; i < 2; i++) {
        tell(&d, LONG_MS);
        struct msg_infer_warmed warmed = hear(&d);
        assert_int_equal(warmed.result, OK);
        assert_true(warmed.us > 0);
    }
    drive_front(&d);
    drive_down(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_zeros), cmocka_unit_test(what_has_no_zeros_is_left_out),
        cmocka_unit_test(it_has_the_limits_of_a_job), cmocka_unit_test(a_front_ends_it),
        cmocka_unit_test(it_can_be_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
