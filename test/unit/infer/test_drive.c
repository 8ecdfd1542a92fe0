/* The life of the process: loading, answering, stopping, changing fronts, ending. */
#include "drive.h"

#include "base/clock.h"
#include "tensor/digest.h"
#include "../unit.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct drive_options plain = {0};
static const float zero = 0;

static struct drive_value endless_input(void)
{
    return drive_tensor("x", DTYPE_FLOAT, 0, NULL, &zero, sizeof(zero));
}

static struct drive_value tiny_input(const float *x)
{
    static const int64_t dims[] = {1, 4};
    return drive_tensor("x", DTYPE_FLOAT, 2, dims, x, 4 * sizeof(*x));
}

/* ── loading ── */

static void says_what_it_is(void **state UNUSED)
{
    struct drive d;
    drive_up(&d, &(struct drive_options){.threads = 2}, "tiny");
    assert_non_null(strstr(d.engine, "onnxruntime="));
    assert_non_null(strstr(d.engine, ";isa="));
    assert_non_null(strstr(d.engine, ";threads=2;"));
    assert_non_null(strstr(d.engine, ";format=onnx;"));
    assert_int_equal(d.sealed.file_cid_len, 34);
    assert_int_equal(d.scanned.random_operator, 0);
    assert_int_equal(d.signature.input_count, 1);
    assert_int_equal(d.signature.output_count, 1);
    assert_int_equal(d.signature.inputs[0].rank, 2);
    assert_int_equal(d.signature.inputs[0].dims[0], DIM_ANY);
    assert_int_equal(d.signature.inputs[0].dims[1], 4);
    drive_down(&d);
}

static void says_that_a_model_is_random(void **state UNUSED)
{
    struct drive d;
    drive_up(&d, &plain, "random");
    assert_int_equal(d.scanned.random_operator, 1);
    drive_down(&d);
}

static void overridable_initializers_may_miss(void **state UNUSED)
{
    struct drive d;
    drive_up(&d, &plain, "add");
    assert_int_equal(d.signature.input_count, 2);
    assert_false(d.signature.inputs[0].may_miss);
    assert_true(d.signature.inputs[1].may_miss);
    assert_true(view_equal(d.signature.inputs[1].name, text_view("w")));
    drive_down(&d);
}

static void refuses_with_a_code(void **state UNUSED)
{
    static const struct {
        const char *model;
        err_t reason;
    } rows[] = {
        {"not_onnx", ERR_MODEL_NOT_ONNX},       {"external", ERR_MODEL_EXTERNAL_DATA},
        {"contrib", ERR_MODEL_DOMAIN_REFUSED},  {"unknown", ERR_MODEL_UNSUPPORTED},
        {"complex", ERR_MODEL_UNSUPPORTED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct drive d;
        drive_start(&d, &plain);
        assert_err(drive_load(&d, drive_model(rows[i].model)), rows[i].reason);
        assert_true(d.why[0] != '\0');
        assert_int_equal(drive_wait(&d), 0);
    }
}

static void an_allowed_domain_loads(void **state UNUSED)
{
    struct drive d;
    drive_up(&d, &(struct drive_options){.domains = "com.microsoft"}, "contrib");
    drive_down(&d);
}

static void a_wrong_block_is_asked_for_again(void **state UNUSED)
{
    struct drive d;
    drive_up(&d, &(struct drive_options){.lie = true}, "mlp");
    drive_down(&d);
}

static void no_grant_is_the_end(void **state UNUSED)
{
    struct drive d;
    drive_start(&d, &(struct drive_options){.never_grant = true});
    assert_err(drive_load(&d, drive_model("tiny")), ERR_MODEL_OVER_BUDGET);
    assert_int_equal(drive_wait(&d), 0);
}

static void a_silent_source_is_not_waited_for(void **state UNUSED)
{
    struct drive d;
    drive_start(&d, &(struct drive_options){.silent = true, .load_ms = 100});
    assert_err(drive_load(&d, drive_model("tiny")), ERR_MODEL_LOAD_TIMEOUT);
    assert_int_equal(drive_wait(&d), 0);
}

static void a_slow_load_has_a_deadline(void **state UNUSED)
{
    struct drive d;
    drive_start(&d, &(struct drive_options){.load_ms = 30});
    assert_err(drive_load(&d, drive_model("fat")), ERR_MODEL_LOAD_TIMEOUT);
    assert_int_equal(drive_wait(&d), 0);
}

/* ── a file that was sealed before ── */

static void a_sealed_file_needs_no_blocks(void **state UNUSED)
{
    static const float x[4] = {1, 2, 3, 4};
    struct drive first, second;
    AUTO(drive_outcome_done) struct drive_outcome a = {0}, b = {0};
    struct drive_value input = tiny_input(x);
    drive_up(&first, &plain, "tiny");
    drive_start(&second, &plain);
    assert_ok(drive_reload(&second, first.file_fd, GIB));
    drive_front(&second);
    assert_ok(drive_run(&first, &input, 1, &a));
    assert_ok(drive_run(&second, &input, 1, &b));
    assert_int_equal(a.result.bytes, b.result.bytes);
    assert_memory_equal(a.area, b.area, a.result.bytes);
    assert_memory_equal(a.report.out_tensors, b.report.out_tensors, DIGEST_LEN);
    drive_down(&first);
    drive_down(&second);
}

/* Its system calls are those of a process that has its model: not even the filter of loading would let it pull. */
static void a_file_without_seals_is_refused(void **state UNUSED)
{
    struct drive d;
    AUTO_FD int fd = -1;
    assert_ok(memfd_new("model", 4096, &fd));
    drive_start(&d, &plain);
    assert_err(drive_reload(&d, fd, GIB), ERR_SEALS_MISSING);
    assert_int_equal(drive_wait(&d), 0);
}

/* ── a model that nobody has ── */

static void a_process_without_a_model_takes_another_one(void **state UNUSED)
{
    struct drive d;
    drive_start(&d, &(struct drive_options){.missing = true});
    assert_err(drive_load(&d, drive_model("tiny")), ERR_MODEL_NOT_FOUND);
    assert_true(d.returned == 1 && recv(d.report.fd, (char[1]){0}, 1, MSG_DONTWAIT) == 0); /* it kept that channel */
    assert_ok(drive_load(&d, drive_model("tiny")));
    drive_front(&d);
    drive_down(&d);
}

static void progress_is_told(void **state UNUSED)
{
    struct drive d;
    drive_up(&d, &plain, "fat");
    assert_true(d.progress > 0);
    drive_down(&d);
}

/* ── refusing a job ── */

static void expect_refusal(const char *model, const struct drive_value *inputs, size_t count, err_t reason,
                           const char *named)
{
    struct drive d;
    AUTO(drive_outcome_done) struct drive_outcome o = {0};
    drive_up(&d, &(struct drive_options){.output_max = MIB}, model);
    assert_err(drive_run(&d, inputs, count, &o), reason);
    assert_non_null(strstr(o.why, named));
    static const struct msg_report nothing = {0};
    assert_memory_equal(o.report.in_tensors, nothing.in_tensors, DIGEST_LEN);
    assert_memory_equal(o.report.out_tensors, nothing.out_tensors, DIGEST_LEN);
    drive_down(&d);
}

static void inputs_that_do_not_fit(void **state UNUSED)
{
    static const float x[8] = {0};
    static const int64_t pair[] = {1, 2}, flat[] = {4}, four[] = {1, 4};
    struct drive_value good = tiny_input(x);
    struct drive_value twice[] = {good, drive_tensor("z", DTYPE_FLOAT, 2, four, x, 16)};
    struct drive_value narrow = drive_tensor("x", DTYPE_FLOAT, 2, pair, x, 8);
    struct drive_value rank = drive_tensor("x", DTYPE_FLOAT, 1, flat, x, 16);
    struct drive_value type = drive_tensor("x", DTYPE_INT32, 2, four, x, 16);
    expect_refusal("tiny", NULL, 0, ERR_INPUT_MISSING, "input x");
    expect_refusal("tiny", twice, 2, ERR_INPUT_UNKNOWN, "");
    expect_refusal("tiny", &narrow, 1, ERR_SHAPE_MISMATCH, "input x");
    expect_refusal("tiny", &rank, 1, ERR_SHAPE_MISMATCH, "input x");
    expect_refusal("tiny", &type, 1, ERR_DTYPE_MISMATCH, "input x");
}

static void bytes_that_are_no_booleans(void **state UNUSED)
{
    static const int64_t dims[] = {2};
    struct drive_value x = drive_tensor("x", DTYPE_BOOL, 1, dims, "\1\2", 2);
    expect_refusal("identity_bool", &x, 1, ERR_VALUE_RANGE, "input x");
}

/* The sentence is ours: nothing that ONNX Runtime wrote about values gets out. */
static void an_operator_that_fails(void **state UNUSED)
{
    static const int64_t dims[] = {1}, index[] = {77};
    struct drive_value i = drive_tensor("i", DTYPE_INT64, 1, dims, index, sizeof(index));
    expect_refusal("gather", &i, 1, ERR_RUN_FAILED, err_text(ERR_RUN_FAILED));
}

static void outputs_that_are_too_large(void **state UNUSED)
{
    static const int64_t dims[] = {1}, shape[] = {MIB / 4 + 1};
    struct drive_value large = drive_tensor("shape", DTYPE_INT64, 1, dims, shape, sizeof(shape));
    static const int64_t ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
    struct drive_value many = drive_tensor("x", DTYPE_FLOAT, COUNT_OF(ones), ones, &zero, sizeof(zero));
    expect_refusal("filled", &large, 1, ERR_OUTPUT_TOO_LARGE, "");
    expect_refusal("many_outputs", &many, 1, ERR_OUTPUT_TOO_LARGE, "");
}

/* ── answering ── */

static void output_areas_grow_and_are_kept(void **state UNUSED)
{
    static const int64_t dims[] = {1};
    static const int64_t counts[] = {1, 16 * 1024, 16 * 1024 + 1, 10, 4 * 1024 * 1024, 5, 0, 2 * 1024 * 1024};
    struct drive d;
    drive_up(&d, &plain, "filled");
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        AUTO(drive_outcome_done) struct drive_outcome o = {0};
        struct drive_value shape = drive_tensor("shape", DTYPE_INT64, 1, dims, &counts[i], sizeof(counts[i]));
        assert_ok(drive_run(&d, &shape, 1, &o));
        assert_int_equal(o.set.places[0].len, (uint64_t)counts[i] * sizeof(float));
        for (size_t k = 0; k < o.set.places[0].len; k++)
            assert_int_equal(o.area[k], 0);
    }
    drive_down(&d);
}

/* 256 jobs on eight slots over four workers: each answer belongs to its job. */
static void many_jobs_at_once(void **state UNUSED)
{
    static const int64_t dims[] = {2};
    struct drive d;
    unsigned sent = 0, done = 0;
    int64_t values[8][2];
    uint64_t jobs[8];
    drive_up(&d, &(struct drive_options){.workers = 4}, "identity_int64");
    for (uint16_t slot = 0; slot < 8; slot++, sent++) {
        values[slot][0] = values[slot][1] = slot;
        struct drive_value x = drive_tensor("x", DTYPE_INT64, 1, dims, values[slot], sizeof(values[slot]));
        jobs[slot] = drive_send(&d, slot, 30000, &x, 1);
    }
    while (done < 256) {
        AUTO(drive_outcome_done) struct drive_outcome o = {0};
        struct msg_report report;
        drive_report(&d, &report);
        drive_result(&d, &o);
        uint16_t slot = o.result.slot;
        assert_int_equal(o.result.result, OK);
        assert_int_equal(o.result.job, jobs[slot]);
        assert_memory_equal(o.area, values[slot], sizeof(values[slot]));
        done++;
        if (sent == 256)
            continue;
        values[slot][0] = (int64_t)sent++;
        struct drive_value x = drive_tensor("x", DTYPE_INT64, 1, dims, values[slot], sizeof(values[slot]));
        jobs[slot] = drive_send(&d, slot, 30000, &x, 1);
    }
    drive_down(&d);
}

static void threads_inside_operators(void **state UNUSED)
{
    static const int64_t dims[] = {64, 784};
    static float x[64 * 784];
    struct drive d;
    struct drive_value v = drive_tensor("x", DTYPE_FLOAT, 2, dims, x, sizeof(x));
    drive_up(&d, &(struct drive_options){.threads = 3, .workers = 2}, "mlp");
    for (int i = 0; i < 20; i++) {
        AUTO(drive_outcome_done) struct drive_outcome o = {0};
        x[i] = 1;
        assert_ok(drive_run(&d, &v, 1, &o));
        assert_int_equal(o.set.places[0].len, 64 * 10 * sizeof(float));
    }
    drive_down(&d);
}

/* ── stopping ── */

static void expect_stopped(struct drive *d, uint64_t job, err_t reason)
{
    AUTO(drive_outcome_done) struct drive_outcome o = {0};
    struct msg_report report;
    drive_report(d, &report);
    drive_result(d, &o);
    assert_int_equal(report.job, job);
    assert_int_equal(o.result.job, job);
    assert_string_equal(err_name(err_from_wire(report.result)), err_name(reason));
    assert_string_equal(err_name(err_from_wire(o.result.result)), err_name(reason));
}

static void an_endless_run_is_stopped_at_its_deadline(void **state UNUSED)
{
    struct drive d;
    struct drive_value x = endless_input();
    drive_up(&d, &plain, "endless");
    for (int i = 0; i < 2; i++) {
        uint64_t start = clock_mono_ms();
        uint64_t job = drive_send(&d, 0, 150, &x, 1);
        expect_stopped(&d, job, ERR_RUN_TIMEOUT);
        assert_in_range(clock_mono_ms() - start, 150, 10000);
    }
    drive_down(&d);
}

static void a_shorter_deadline_is_seen_behind_a_longer_one(void **state UNUSED)
{
    struct drive d;
    struct drive_value x = endless_input();
    drive_up(&d, &(struct drive_options){.workers = 2}, "endless");
    uint64_t slow = drive_send(&d, 0, 10000, &x, 1), start = clock_mono_ms(), fast = drive_send(&d, 1, 100, &x, 1);
    expect_stopped(&d, fast, ERR_RUN_TIMEOUT);
    assert_in_range(clock_mono_ms() - start, 100, 5000);
    drive_cancel(&d, slow);
    expect_stopped(&d, slow, ERR_RUN_CANCELLED);
    drive_down(&d);
}

static void a_run_is_cancelled(void **state UNUSED)
{
    struct drive d;
    struct drive_value x = endless_input();
    drive_up(&d, &plain, "endless");
    uint64_t job = drive_send(&d, 0, 30000, &x, 1);
    (void)usleep(20000);
    uint64_t start = clock_mono_ms();
    drive_cancel(&d, job);
    expect_stopped(&d, job, ERR_RUN_CANCELLED);
    assert_in_range(clock_mono_ms() - start, 0, 500);
    drive_down(&d);
}

static void a_job_is_cancelled_before_it_starts(void **state UNUSED)
{
    struct drive d;
    struct drive_value x = endless_input();
    drive_up(&d, &plain, "endless");
    uint64_t first = drive_send(&d, 0, 200, &x, 1);
    uint64_t second = drive_send(&d, 1, 30000, &x, 1);
    drive_cancel(&d, second);
    drive_cancel(&d, 12345);
    expect_stopped(&d, first, ERR_RUN_TIMEOUT);
    expect_stopped(&d, second, ERR_RUN_CANCELLED);
    drive_down(&d);
}

/* ── jobs that come together ── */

static void expect_done(struct drive *d, uint64_t job, err_t result)
{
    AUTO(drive_outcome_done) struct drive_outcome o = {0};
    struct msg_report report;
    drive_result(d, &o);
    drive_report(d, &report);
    assert_int_equal(o.result.job, job);
    assert_int_equal(report.job, job);
    assert_string_equal(err_name(err_from_wire(o.result.result)), err_name(result));
    assert_string_equal(err_name(err_from_wire(report.result)), err_name(result));
}

static void short_runs_are_answered_together(void **state UNUSED)
{
    enum { COUNT = 8 };
    static const float x[] = {1, 2, 3, 4};
    struct drive d;
    struct drive_value input = tiny_input(x);
    struct wire_pack p = WIRE_PACK_NONE;
    uint64_t jobs[COUNT];
    unsigned together = 0;
    drive_up(&d, &(struct drive_options){.workers = 1}, "tiny");
    for (uint16_t slot = 0; slot < COUNT; slot++)
        expect_done(&d, drive_send(&d, slot, 30000, &input, 1), OK);
    for (int round = 0; round < 20; round++) {
        for (uint16_t slot = 0; slot < COUNT; slot++)
            jobs[slot] = drive_put(&d, &p, slot, 30000, &input, 1);
        assert_ok(wire_pack_send(&p, &d.job, true));
        for (unsigned n = 0; n < COUNT; n++) {
            expect_done(&d, jobs[n], OK);
            together += wire_more(&d.job_in) && wire_more(&d.report_in);
        }
    }
    assert_true(together > 0);
    wire_pack_done(&p);
    drive_down(&d);
}

/* What was answered before a long run goes at once, and what came behind it can run elsewhere. */
static void nobody_waits_for_a_long_run(void **state UNUSED)
{
    static const int64_t dims[] = {1}, one[] = {1}, many[] = {16 * 1024 * 1024};
    struct drive d;
    struct drive_value few = drive_tensor("shape", DTYPE_INT64, 1, dims, one, sizeof(one));
    struct drive_value large = drive_tensor("shape", DTYPE_INT64, 1, dims, many, sizeof(many));
    struct wire_pack p = WIRE_PACK_NONE;
    drive_up(&d, &(struct drive_options){.workers = 1, .output_max = 65 * MIB}, "filled");
    for (uint16_t slot = 0; slot < 4; slot++)
        expect_done(&d, drive_send(&d, slot, 30000, &few, 1), OK);
    uint64_t first = drive_put(&d, &p, 0, 30000, &few, 1);
    uint64_t second = drive_put(&d, &p, 1, 30000, &large, 1);
    uint64_t third = drive_put(&d, &p, 2, 30000, &few, 1);
    uint64_t fourth = drive_put(&d, &p, 3, 30000, &few, 1);
    assert_ok(wire_pack_send(&p, &d.job, true));
    expect_done(&d, first, OK);
    expect_done(&d, third, ERR_RUN_CANCELLED);
    expect_done(&d, fourth, ERR_RUN_CANCELLED);
    expect_done(&d, second, OK);
    expect_done(&d, drive_send(&d, 2, 30000, &few, 1), OK);
    wire_pack_done(&p);
    drive_down(&d);
}

/* A job that none may be, behind a good one. */
static void a_bad_job_in_a_pack_is_the_end(void **state UNUSED)
{
    struct drive d;
    struct drive_value input = tiny_input((const float[4]){0});
    struct wire_pack p = WIRE_PACK_NONE;
    drive_up(&d, &plain, "tiny");
    expect_done(&d, drive_send(&d, 0, 30000, &input, 1), OK);
    uint64_t good = drive_put(&d, &p, 0, 30000, &input, 1);
    (void)drive_put(&d, &p, 0, 0, &input, 1); /* no time to run */
    assert_ok(wire_pack_send(&p, &d.job, true));
    wire_pack_done(&p);
    expect_done(&d, good, OK);
    int status = drive_wait(&d);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* ── fronts ── */

static void the_next_front_takes_over(void **state UNUSED)
{
    struct drive d;
    struct drive_value x = endless_input();
    struct msg_report report;
    drive_up(&d, &plain, "endless");
    uint64_t running = drive_send(&d, 0, 30000, &x, 1);
    uint64_t waiting = drive_send(&d, 1, 30000, &x, 1);
    (void)usleep(20000);
    drive_front(&d); /* closes the old channels first */
    drive_report(&d, &report);
    assert_int_equal(report.job, running);
    assert_string_equal(err_name(err_from_wire(report.result)), "RUN_CANCELLED");
    drive_report(&d, &report);
    assert_int_equal(report.job, waiting);
    assert_string_equal(err_name(err_from_wire(report.result)), "RUN_CANCELLED");
    uint64_t job = drive_send(&d, 0, 100, &x, 1);
    expect_stopped(&d, job, ERR_RUN_TIMEOUT);
    drive_down(&d);
}

/* The first front leaves without having read a result, which resets its channel ahead of what is queued there. */
static void jobs_behind_a_reset_are_reported(void **state UNUSED)
{
    struct drive d;
    struct drive_value x = endless_input();
    struct msg_report report;
    drive_up(&d, &plain, "endless");
    uint64_t first = drive_send(&d, 0, 50, &x, 1);
    uint64_t second = drive_send(&d, 1, 30000, &x, 1);
    uint64_t third = drive_send(&d, 2, 30000, &x, 1);
    drive_report(&d, &report);
    assert_int_equal(report.job, first);
    (void)usleep(20000);
    drive_front(&d);
    drive_report(&d, &report);
    assert_int_equal(report.job, second);
    drive_report(&d, &report);
    assert_int_equal(report.job, third);
    uint64_t job = drive_send(&d, 0, 50, &x, 1);
    expect_stopped(&d, job, ERR_RUN_TIMEOUT);
    drive_down(&d);
}

/* No worker may have looked at a front before it is gone: its jobs are reported all the same. */
static void jobs_of_a_short_lived_front_are_reported(void **state UNUSED)
{
    struct drive d;
    struct drive_value x = endless_input();
    struct msg_report report;
    drive_up(&d, &plain, "endless");
    for (int i = 0; i < 200; i++) {
        uint64_t first = drive_send(&d, 0, 30000, &x, 1);
        uint64_t second = drive_send(&d, 1, 30000, &x, 1);
        drive_front(&d);
        drive_report(&d, &report);
        assert_int_equal(report.job, first);
        drive_report(&d, &report);
        assert_int_equal(report.job, second);
    }
    drive_down(&d);
}

static void a_hundred_fronts(void **state UNUSED)
{
    struct drive d;
    static const float x[] = {1, 2, 3, 4};
    struct drive_value input = tiny_input(x);
    drive_up(&d, &(struct drive_options){.workers = 3}, "tiny");
    for (int i = 0; i < 100; i++) {
        AUTO(drive_outcome_done) struct drive_outcome o = {0};
        assert_ok(drive_run(&d, &input, 1, &o));
        drive_front(&d);
    }
    drive_down(&d);
}

/* ── ending ── */

static void the_end_of_the_supervisor_is_the_end(void **state UNUSED)
{
    struct drive d;
    struct drive_value x = endless_input();
    drive_start(&d, &plain);
    drive_down(&d);
    drive_start(&d, &(struct drive_options){.die = true});
    assert_err(drive_load(&d, drive_model("tiny")), ERR_CLOSED);
    assert_int_equal(drive_wait(&d), 0);
    drive_up(&d, &plain, "endless");
    (void)drive_send(&d, 0, 30000, &x, 1);
    (void)usleep(20000);
    uint64_t start = clock_mono_ms();
    drive_down(&d);
    assert_in_range(clock_mono_ms() - start, 0, 500);
}

static void the_end_of_the_keeper_is_the_end(void **state UNUSED)
{
    struct drive d;
    static const float x[] = {1, 2, 3, 4};
    struct drive_value input = tiny_input(x);
    drive_up(&d, &plain, "tiny");
    wire_end_close(&d.report);
    (void)drive_send(&d, 0, 30000, &input, 1);
    int status = drive_wait(&d);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_is),
        cmocka_unit_test(says_that_a_model_is_random),
        cmocka_unit_test(overridable_initializers_may_miss),
        cmocka_unit_test(refuses_with_a_code),
        cmocka_unit_test(an_allowed_domain_loads),
        cmocka_unit_test(a_wrong_block_is_asked_for_again),
        cmocka_unit_test(no_grant_is_the_end),
        cmocka_unit_test(a_silent_source_is_not_waited_for),
        cmocka_unit_test(a_slow_load_has_a_deadline),
        cmocka_unit_test(a_sealed_file_needs_no_blocks),
        cmocka_unit_test(a_file_without_seals_is_refused),
        cmocka_unit_test(a_process_without_a_model_takes_another_one),
        cmocka_unit_test(progress_is_told),
        cmocka_unit_test(inputs_that_do_not_fit),
        cmocka_unit_test(bytes_that_are_no_booleans),
        cmocka_unit_test(an_operator_that_fails),
        cmocka_unit_test(outputs_that_are_too_large),
        cmocka_unit_test(output_areas_grow_and_are_kept),
        cmocka_unit_test(many_jobs_at_once),
        cmocka_unit_test(threads_inside_operators),
        cmocka_unit_test(an_endless_run_is_stopped_at_its_deadline),
        cmocka_unit_test(a_shorter_deadline_is_seen_behind_a_longer_one),
        cmocka_unit_test(a_run_is_cancelled),
        cmocka_unit_test(a_job_is_cancelled_before_it_starts),
        cmocka_unit_test(short_runs_are_answered_together),
        cmocka_unit_test(nobody_waits_for_a_long_run),
        cmocka_unit_test(a_bad_job_in_a_pack_is_the_end),
        cmocka_unit_test(the_next_front_takes_over),
        cmocka_unit_test(jobs_behind_a_reset_are_reported),
        cmocka_unit_test(jobs_of_a_short_lived_front_are_reported),
        cmocka_unit_test(a_hundred_fronts),
        cmocka_unit_test(the_end_of_the_supervisor_is_the_end),
        cmocka_unit_test(the_end_of_the_keeper_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
