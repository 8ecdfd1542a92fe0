/* A front that breaks the rules, and models that the scan would have refused, met by a process without the scan. */
#include "drive.h"

#include "tensor/digest.h"
#include "../unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

static const struct drive_options plain = {0};

/* ── fronts ── */

/* One JOB message with everything in the hand of the test. */
struct forged {
    struct msg_job job;
    struct buf tail;
    int fd; /* of the input area; -1: none */
};

static struct forged honest(void)
{
    static const int64_t dims[] = {2}, x[] = {1, 2};
    struct drive_value value = drive_tensor("x", DTYPE_INT64, 1, dims, x, sizeof(x));
    uint64_t len = sizeof(x);
    AUTO(value_set_done) struct value_set set = {0};
    struct forged f = {.tail = {.max = WIRE_TAIL_MAX}, .fd = -1};
    assert_ok(value_set_make(&value.desc, 1, &len, MIB, &set));
    assert_ok(value_set_encode(&set, &f.tail));
    assert_ok(memfd_new("input", 4096, &f.fd));
    assert_ok(memfd_seal(f.fd, SEALS_AREA));
    f.job = (struct msg_job){.job = 1, .bytes = set.total, .run_ms = 1000};
    return f;
}

static void send_forged(struct drive *d, struct forged *f)
{
    assert_ok(wire_send(&d->job, MSG_JOB, &f->job, buf_view(&f->tail), &f->fd, f->fd >= 0));
    fd_close(&f->fd);
    buf_done(&f->tail);
}

static void expect_end(struct drive *d)
{
    int status = drive_wait(d);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void no_such_slot(struct forged *f)
{
    f->job.slot = DRIVE_SLOTS;
}

static void no_time(struct forged *f)
{
    f->job.run_ms = 0;
}

static void short_nonce(struct forged *f)
{
    f->job.nonce.len = NONCE_MIN - 1;
}

static void long_nonce(struct forged *f)
{
    f->job.nonce.len = NONCE_MAX + 1;
}

static void no_area(struct forged *f)
{
    fd_close(&f->fd);
}

static void area_without_seals(struct forged *f)
{
    fd_close(&f->fd);
    assert_ok(memfd_new("input", 4096, &f->fd));
}

static void area_too_small(struct forged *f)
{
    f->job.bytes = 4097;
}

static void values_beyond_the_area(struct forged *f)
{
    f->job.bytes = 8;
}

static void no_descriptors(struct forged *f)
{
    buf_clear(&f->tail);
}

static void trailing_byte(struct forged *f)
{
    assert_ok(buf_put_u8(&f->tail, 0));
}

static void wrong_length(struct forged *f)
{
    f->tail.data[f->tail.len - 8]--;
}

static void a_front_that_breaks_the_rules_ends_us(void **state UNUSED)
{
    static void (*const faults[])(struct forged *) = {
        no_such_slot,   no_time, short_nonce,           long_nonce,     no_area,      area_without_seals,
        area_too_small, values_beyond_the_area, no_descriptors, trailing_byte, wrong_length,
    };
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct drive d;
        struct forged f = honest();
        drive_up(&d, &plain, "identity_int64");
        faults[i](&f);
        send_forged(&d, &f);
        expect_end(&d);
    }
}

/* It says of its inputs what the one before has said, but the area ends before them. */
static void a_second_job_that_breaks_the_rules_ends_us(void **state UNUSED)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct drive d;
    struct forged first = honest(), second = honest();
    drive_up(&d, &(struct drive_options){.workers = 1}, "identity_int64");
    send_forged(&d, &first);
    assert_ok(wire_recv(&d.job, &d.job_in, true, &m));
    assert_int_equal(((const struct msg_result *)m.fixed)->result, OK);
    second.job.job = 2;
    values_beyond_the_area(&second);
    send_forged(&d, &second);
    expect_end(&d);
}

static void a_slot_in_use_is_not_used_again(void **state UNUSED)
{
    struct drive d;
    static const float zero = 0;
    struct drive_value x = drive_tensor("x", DTYPE_FLOAT, 0, NULL, &zero, sizeof(zero));
    drive_up(&d, &(struct drive_options){.workers = 2}, "endless");
    (void)drive_send(&d, 0, 30000, &x, 1);
    (void)drive_send(&d, 0, 30000, &x, 1);
    expect_end(&d);
}

/* Turns the bytes of a mapping over for as long as it is let. */
struct scribbler {
    atomic_bool stop;
    volatile uint8_t *bytes;
    size_t len;
};

static void *scribble(void *self)
{
    struct scribbler *s = self;
    while (!atomic_load(&s->stop))
        for (size_t i = 0; i < s->len; i++)
            s->bytes[i]++;
    return NULL;
}

/* The model gives back what it gets, so what was hashed as input must be what came out. */
static void inputs_that_change_while_they_are_read(void **state UNUSED)
{
    static const int64_t dims[] = {256 * 1024};
    static uint8_t bytes[256 * 1024];
    struct drive d;
    struct scribbler s = {.len = sizeof(bytes)};
    struct drive_value x = drive_tensor("x", DTYPE_UINT8, 1, dims, bytes, sizeof(bytes));
    pthread_t thread;
    drive_up(&d, &plain, "identity_uint8");
    (void)drive_send(&d, 0, 30000, &x, 1);
    s.bytes = d.slots[0].in.addr;
    assert_int_equal(pthread_create(&thread, NULL, scribble, &s), 0);
    for (int i = 0; i < 50; i++) {
        AUTO(drive_outcome_done) struct drive_outcome o = {0};
        AUTO(value_set_done) struct value_set set = {0};
        struct msg_report report;
        uint8_t descriptors[SHA256_LEN], tensors[SHA256_LEN];
        drive_report(&d, &report);
        drive_result(&d, &o);
        assert_int_equal(o.result.result, OK);
        assert_ok(value_set_make(&x.desc, 1, &(uint64_t){sizeof(bytes)}, MIB, &set));
        assert_ok(tensor_digest_of(&set, o.area, descriptors, tensors));
        assert_memory_equal(report.in_tensors, tensors, SHA256_LEN);
        if (i < 49)
            (void)drive_send(&d, 0, 30000, &x, 1);
    }
    atomic_store(&s.stop, true);
    (void)pthread_join(thread, NULL);
    drive_down(&d);
}

/* ── models ── */

static void external_data_meets_the_jail(void **state UNUSED)
{
    static const char *const models[] = {"external", "external_absolute", "external_above", "external_varint",
                                         "external_merged"};
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        struct drive d;
        drive_start(&d, &(struct drive_options){.exe = "veronnx-infer-no-scan"});
        err_t e = drive_load(&d, drive_model(models[i]));
        assert_true(e != OK);
        int status = drive_wait(&d);
        assert_true(e == ERR_MODEL_DIED ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS : status == 0);
        print_message("%s: %s\n", models[i], e == ERR_MODEL_DIED ? "killed by the jail" : err_name(e));
    }
}

static void external_data_is_refused_by_the_scan(void **state UNUSED)
{
    static const struct {
        const char *model;
        err_t reason;
    } rows[] = {{"external", ERR_MODEL_EXTERNAL_DATA},
                {"external_absolute", ERR_MODEL_EXTERNAL_DATA},
                {"external_above", ERR_MODEL_EXTERNAL_DATA},
                {"external_varint", ERR_MODEL_EXTERNAL_DATA},
                {"external_merged", ERR_MODEL_MALFORMED}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct drive d;
        drive_start(&d, &plain);
        assert_err(drive_load(&d, drive_model(rows[i].model)), rows[i].reason);
        assert_int_equal(drive_wait(&d), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_front_that_breaks_the_rules_ends_us),
        cmocka_unit_test(a_second_job_that_breaks_the_rules_ends_us),
        cmocka_unit_test(a_slot_in_use_is_not_used_again),
        cmocka_unit_test(inputs_that_change_while_they_are_read),
        cmocka_unit_test(external_data_meets_the_jail),
        cmocka_unit_test(external_data_is_refused_by_the_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
