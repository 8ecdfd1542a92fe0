/* Stopping runs, with an ONNX Runtime that only counts. */
#include "infer/runs.h"

#include "../unit.h"

#include <sys/eventfd.h>

static unsigned stops, restarts;

static OrtStatus *ORT_API_CALL count_stop(OrtRunOptions *options UNUSED) NO_EXCEPTION
{
    stops++;
    return NULL;
}

static OrtStatus *ORT_API_CALL count_restart(OrtRunOptions *options UNUSED) NO_EXCEPTION
{
    restarts++;
    return NULL;
}

static const OrtApi counting = {.RunOptionsSetTerminate = count_stop, .RunOptionsUnsetTerminate = count_restart};

/* A front is an identity here. */
static const char fronts[2];
#define FRONT(i) ((const struct front *)(const void *)&fronts[i])

static struct runs runs;
static struct run a, b;

static int setup(void **state UNUSED)
{
    ort = &counting;
    stops = restarts = 0;
    a = b = (struct run){0};
    runs_init(&runs, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    runs_add(&runs, &a);
    runs_add(&runs, &b);
    return 0;
}

static bool woken(void)
{
    eventfd_t n = 0;
    return eventfd_read(runs.wake_fd, &n) == 0;
}

static void a_run_that_nobody_stops(void **state UNUSED)
{
    assert_ok(runs_begin(&runs, &a, FRONT(0), 1, 1000));
    assert_int_equal(runs_expire(&runs, 999), 1000);
    assert_ok(runs_end(&runs, &a));
    assert_int_equal(runs_expire(&runs, 2000), RUNS_NEVER);
    assert_int_equal(stops + restarts, 0);
}

static void only_the_cancelled_run_is_stopped(void **state UNUSED)
{
    assert_ok(runs_begin(&runs, &a, FRONT(0), 1, 1000));
    assert_ok(runs_begin(&runs, &b, FRONT(0), 2, 1000));
    runs_cancel(&runs, 2);
    runs_cancel(&runs, 2);
    assert_int_equal(stops, 1);
    assert_ok(runs_end(&runs, &a));
    assert_err(runs_end(&runs, &b), ERR_RUN_CANCELLED);
    assert_int_equal(restarts, 1);
    assert_ok(runs_begin(&runs, &b, FRONT(0), 3, 1000));
    assert_ok(runs_end(&runs, &b));
}

static void a_cancellation_can_come_first(void **state UNUSED)
{
    runs_cancel(&runs, 7);
    assert_err(runs_begin(&runs, &a, FRONT(0), 7, 1000), ERR_RUN_CANCELLED);
    assert_err(runs_end(&runs, &a), ERR_RUN_CANCELLED);
    assert_ok(runs_begin(&runs, &a, FRONT(0), 8, 1000));
}

static void early_cancellations_are_remembered_in_turn(void **state UNUSED)
{
    for (uint64_t job = 1; job <= RUNS_EARLY_MAX + 1; job++)
        runs_cancel(&runs, job);
    assert_ok(runs_begin(&runs, &a, FRONT(0), 1, 1000));
    assert_ok(runs_end(&runs, &a));
    for (uint64_t job = 2; job <= RUNS_EARLY_MAX + 1; job++) {
        assert_err(runs_begin(&runs, &a, FRONT(0), job, 1000), ERR_RUN_CANCELLED);
        assert_err(runs_end(&runs, &a), ERR_RUN_CANCELLED);
    }
}

static void the_first_reason_counts(void **state UNUSED)
{
    assert_ok(runs_begin(&runs, &a, FRONT(0), 1, 1000));
    assert_int_equal(runs_expire(&runs, 1000), RUNS_NEVER);
    runs_cancel(&runs, 1);
    assert_int_equal(stops, 1);
    assert_err(runs_end(&runs, &a), ERR_RUN_TIMEOUT);
}

static void the_runs_of_one_front(void **state UNUSED)
{
    assert_ok(runs_begin(&runs, &a, FRONT(0), 1, 1000));
    assert_ok(runs_begin(&runs, &b, FRONT(1), 2, 1000));
    runs_cancel_front(&runs, FRONT(1));
    assert_ok(runs_end(&runs, &a));
    assert_err(runs_end(&runs, &b), ERR_RUN_CANCELLED);
}

/* The watcher is woken only when it would look too late. */
static void an_earlier_deadline_wakes_the_watcher(void **state UNUSED)
{
    assert_ok(runs_begin(&runs, &a, FRONT(0), 1, 1000));
    assert_true(woken());
    assert_int_equal(runs_expire(&runs, 0), 1000);
    assert_ok(runs_end(&runs, &a));
    assert_ok(runs_begin(&runs, &a, FRONT(0), 2, 1500));
    assert_false(woken());
    assert_ok(runs_begin(&runs, &b, FRONT(0), 3, 500));
    assert_true(woken());
    assert_int_equal(runs_expire(&runs, 100), 500);
    assert_int_equal(runs_expire(&runs, 600), 1500);
    assert_err(runs_end(&runs, &b), ERR_RUN_TIMEOUT);
    assert_ok(runs_end(&runs, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_run_that_nobody_stops, setup),
        cmocka_unit_test_setup(only_the_cancelled_run_is_stopped, setup),
        cmocka_unit_test_setup(a_cancellation_can_come_first, setup),
        cmocka_unit_test_setup(early_cancellations_are_remembered_in_turn, setup),
        cmocka_unit_test_setup(the_first_reason_counts, setup),
        cmocka_unit_test_setup(the_runs_of_one_front, setup),
        cmocka_unit_test_setup(an_earlier_deadline_wakes_the_watcher, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
