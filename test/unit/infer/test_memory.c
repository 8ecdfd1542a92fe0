/* Memory: a limit that is reached is an error with a code, more is asked for once, and what a run used comes back. */
#include "drive.h"

#include "../unit.h"

#include <sys/wait.h>
#include <unistd.h>

static const int64_t one_dim[] = {1};

/* KiB. The heap begins in huge pages, of which the first byte counts as much as all: three may come during a test. */
#define HUGE_PAGES (3 * 2048)

static struct drive_value shape_of(const int64_t *n)
{
    return drive_tensor("shape", DTYPE_INT64, 1, one_dim, n, sizeof(*n));
}

/* ── loading ── */

/* Of models that the heap has room for from the start nothing would be asked. */
static void a_load_over_the_limit_fails(void **state UNUSED)
{
    struct drive d;
    drive_start(&d, &(struct drive_options){.data_room = 2 * MIB});
    assert_err(drive_load(&d, drive_model("table")), ERR_MODEL_OVER_BUDGET);
    assert_int_equal(d.asked_for_memory, 1);
    assert_int_equal(drive_wait(&d), 0);
}

static void a_load_asks_for_more_and_gets_it(void **state UNUSED)
{
    struct drive d;
    drive_start(&d, &(struct drive_options){.data_room = 2 * MIB, .data_more = GIB});
    assert_ok(drive_load(&d, drive_model("table")));
    assert_int_equal(d.asked_for_memory, 1);
    drive_down(&d);
}

static void a_second_process_for_a_file_asks_for_more_too(void **state UNUSED)
{
    struct drive first, second;
    drive_up(&first, &(struct drive_options){0}, "table");
    drive_start(&second, &(struct drive_options){.data_more = GIB});
    uint64_t bare = (uint64_t)drive_status_kib(&second, "VmData:") * KIB;
    assert_ok(drive_reload(&second, first.file_fd, bare + 2 * MIB));
    assert_int_equal(second.asked_for_memory, 1);
    drive_down(&first);
    drive_down(&second);
}

/* ── running ── */

/* Answers INFER_MEMORY while a job is under way. */
static void answer_memory(struct drive *d, uint64_t bytes)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    assert_ok(wire_wait(&d->control, 10000));
    assert_ok(wire_recv(&d->control, &d->control_in, false, &m));
    assert_int_equal(m.type, MSG_INFER_MEMORY);
    drive_grant(d, bytes);
}

static err_t finish(struct drive *d)
{
    AUTO(drive_outcome_done) struct drive_outcome o = {0};
    struct msg_report report;
    drive_report(d, &report);
    drive_result(d, &o);
    return err_from_wire(o.result.result);
}

static void a_run_over_the_limit_fails_and_the_next_works(void **state UNUSED)
{
    struct drive d;
    const int64_t large = 100 * 1000 * 1000, small = 10;
    struct drive_value much = shape_of(&large), little = shape_of(&small);
    drive_up(&d, &(struct drive_options){.data_limit = 128 * MIB}, "summed");
    for (int i = 0; i < 2; i++) {
        (void)drive_send(&d, 0, 30000, &much, 1);
        answer_memory(&d, 0);
        assert_err(finish(&d), ERR_RUN_OUT_OF_MEMORY);
        (void)drive_send(&d, 0, 30000, &little, 1);
        assert_ok(finish(&d));
    }
    drive_down(&d);
}

static void a_run_asks_for_more_and_gets_it(void **state UNUSED)
{
    struct drive d;
    const int64_t large = 50 * 1000 * 1000;
    struct drive_value much = shape_of(&large);
    drive_up(&d, &(struct drive_options){.data_limit = 128 * MIB}, "summed");
    (void)drive_send(&d, 0, 30000, &much, 1);
    answer_memory(&d, GIB);
    assert_ok(finish(&d));
    (void)drive_send(&d, 0, 30000, &much, 1);
    assert_ok(finish(&d));
    drive_down(&d);
}

static void a_silent_supervisor_does_not_hold_a_run(void **state UNUSED)
{
    struct drive d;
    const int64_t large = 100 * 1000 * 1000;
    struct drive_value much = shape_of(&large);
    drive_up(&d, &(struct drive_options){.data_limit = 128 * MIB}, "summed");
    (void)drive_send(&d, 0, 200, &much, 1);
    assert_err(finish(&d), ERR_RUN_OUT_OF_MEMORY);
    drive_down(&d);
}

/* ── afterwards ── */

static void what_a_large_run_used_comes_back(void **state UNUSED)
{
    struct drive d;
    const int64_t large = 50 * 1000 * 1000, small = 10;
    struct drive_value much = shape_of(&large), little = shape_of(&small);
    drive_up(&d, &(struct drive_options){0}, "summed");
    (void)drive_send(&d, 0, 30000, &little, 1);
    assert_ok(finish(&d));
    long before = drive_status_kib(&d, "RssAnon:");
    (void)drive_send(&d, 0, 30000, &much, 1);
    assert_ok(finish(&d));
    assert_true(drive_status_kib(&d, "RssAnon:") <= before + 1024 + HUGE_PAGES);
    drive_down(&d);
}

static void many_runs_leave_nothing_behind(void **state UNUSED)
{
    struct drive d;
    drive_up(&d, &(struct drive_options){.workers = 2}, "filled");
    long before = 0;
    for (int64_t i = 0; i < 4000; i++) {
        int64_t n = (i * 7919) % 20000;
        struct drive_value shape = shape_of(&n);
        if (i == 500)
            before = drive_status_kib(&d, "RssAnon:");
        (void)drive_send(&d, (uint16_t)(i % 4), 30000, &shape, 1);
        assert_ok(finish(&d));
    }
    assert_true(drive_status_kib(&d, "RssAnon:") <= before + 512 + HUGE_PAGES);
    drive_down(&d);
}

int main(void)
{
    if (JAIL_SANITIZED)
        return 77; /* a sanitizer's own memory counts as data: then no limit can be set */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_over_the_limit_fails),
        cmocka_unit_test(a_load_asks_for_more_and_gets_it),
        cmocka_unit_test(a_second_process_for_a_file_asks_for_more_too),
        cmocka_unit_test(a_run_over_the_limit_fails_and_the_next_works),
        cmocka_unit_test(a_run_asks_for_more_and_gets_it),
        cmocka_unit_test(a_silent_supervisor_does_not_hold_a_run),
        cmocka_unit_test(what_a_large_run_used_comes_back),
        cmocka_unit_test(many_runs_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
