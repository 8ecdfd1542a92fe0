/* What a job costs beside Run: from JOB to RESULT, and processor time of the process, one job at a time and four under
   way. */
#include "bare.h"

#include "base/clock.h"
#include "../unit.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define JOBS 20000

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* All of us on one core: a wake-up then costs the same each time. */
static void stay_on_one_core(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    (void)sched_setaffinity(0, sizeof(one), &one);
}

static void take_one(struct drive *d, struct wire_msg *m)
{
    struct msg_report report;
    drive_report(d, &report);
    assert_int_equal(report.result, OK);
    assert_ok(wire_recv(&d->job, &d->job_in, true, m));
    wire_msg_done(m);
}

/* Microseconds per job: median from JOB to RESULT of single jobs, and the mean with `depth` under way. */
static void measure(struct drive *d, const struct drive_value *x, uint16_t depth, double *ret_p50, double *ret_mean)
{
    static double us[JOBS];
    struct wire_msg m;
    for (size_t i = 0; i < JOBS; i++) {
        uint64_t start = clock_mono_ns();
        (void)drive_send(d, 0, 30000, x, 1);
        take_one(d, &m);
        us[i] = (double)(clock_mono_ns() - start) / 1000;
    }
    qsort(us, JOBS, sizeof(us[0]), by_value);
    *ret_p50 = us[JOBS / 2];
    uint64_t start = clock_mono_ns();
    for (uint16_t slot = 0; slot < depth; slot++)
        (void)drive_send(d, slot, 30000, x, 1);
    for (size_t i = depth; i < JOBS; i++) {
        take_one(d, &m);
        (void)drive_send(d, (uint16_t)(i % depth), 30000, x, 1);
    }
    for (uint16_t slot = 0; slot < depth; slot++)
        take_one(d, &m);
    *ret_mean = (double)(clock_mono_ns() - start) / 1000 / JOBS;
}

static double cpu_us(const struct rusage *r)
{
    return (double)(r->ru_utime.tv_sec + r->ru_stime.tv_sec) * 1e6 +
           (double)(r->ru_utime.tv_usec + r->ru_stime.tv_usec);
}

static void bench(const char *model, int64_t width)
{
    const int64_t dims[] = {1, width};
    struct drive d;
    AUTO(bare_run_done) struct bare_run bare = {0};
    struct rusage before, after;
    double p50 = 0, mean = 0;
    float *x = mem_alloc((size_t)width, sizeof(*x));
    struct drive_value v = drive_tensor("x", DTYPE_FLOAT, 2, dims, x, (size_t)width * sizeof(*x));
    bare_run(drive_model(model), &v, 1, JOBS, &bare);
    (void)getrusage(RUSAGE_CHILDREN, &before);
    drive_up(&d, &(struct drive_options){.workers = 1}, model);
    measure(&d, &v, 4, &p50, &mean);
    assert_int_equal(drive_end(&d), 0);
    (void)getrusage(RUSAGE_CHILDREN, &after);
    print_message("%-6s bare Run %.1f us; JOB to RESULT %.1f us, %.1f us more; four under way %.1f us a job; process "
                  "%.1f us of processor a job\n",
                  model, bare.run_us, p50, p50 - bare.run_us, mean, (cpu_us(&after) - cpu_us(&before)) / (2 * JOBS));
    mem_free(x);
}

static void overhead(void **state UNUSED)
{
    bench("tiny", 4);
    bench("mlp", 784);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(overhead)};
    stay_on_one_core();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
