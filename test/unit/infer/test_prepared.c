/* Prepared forms: a process that makes one and writes nothing else, and one that is loaded from it. That both give the same bits is
   test_corpus.c's. */
#include "drive.h"

#include "../unit.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct drive_options plain = {0}, prepares = {.prepares = true}, prepared = {.prepared = true};

/* The sealed file of a model, as the process that pulled it handed it over. */
static int sealed_file(const char *model)
{
    struct drive d;
    drive_up(&d, &plain, model);
    int fd = TAKE_FD(d.file_fd);
    drive_down(&d);
    return fd;
}

static int made_of(const char *model)
{
    AUTO_FD int file = sealed_file(model);
    struct drive d;
    int form = -1;
    drive_start(&d, &prepares);
    assert_ok(drive_prepare(&d, file, 30000, 0, &form));
    assert_int_equal(drive_wait(&d), 0); /* that was all that it was there for */
    return form;
}

static int file_of(const void *bytes, size_t len)
{
    int fd = -1;
    assert_ok(memfd_new("test", 0, &fd));
    assert_ok(fd_write_all(fd, bytes, len));
    assert_ok(memfd_seal(fd, SEALS_FILE));
    return fd;
}

static bool ended_refusing(struct drive *d)
{
    int status = drive_wait(d);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

/* ── making one ── */

static void what_is_made_is_sealed_and_of_another_format(void **state UNUSED)
{
    AUTO_FD int form = made_of("mlp");
    char head[8];
    size_t size = 0;
    assert_ok(memfd_check(form, SEALS_FILE, 1, PREPARED_MAX(256 * MIB), &size));
    assert_ok(fd_read_at(form, 0, head, sizeof(head)));
    assert_memory_equal(head + 4, "ORTM", 4); /* the identifier of ONNX Runtime's own format */
}

static void no_more_is_written_than_allowed(void **state UNUSED)
{
    AUTO_FD int file = sealed_file("mlp");
    struct drive d;
    int form = -1;
    drive_start(&d, &prepares);
    assert_int_not_equal((int)drive_prepare(&d, file, 30000, 4096, &form), OK);
    assert_int_equal(form, -1);
    assert_int_equal(drive_wait(&d), 0);
}

static void without_memory_there_is_none(void **state UNUSED)
{
    AUTO_FD int file = sealed_file("table"); /* the heap has room for small ones */
    struct drive d;
    int form = -1;
    if (JAIL_SANITIZED)
        skip(); /* shadow memory counts as data */
    drive_start(&d, &prepares);
    rlim_t most = (rlim_t)drive_status_kib(&d, "VmData:") * KIB + MIB;
    assert_int_equal(prlimit(d.pid, RLIMIT_DATA, &(struct rlimit){most, most}, NULL), 0);
    assert_err(drive_prepare(&d, file, 30000, 0, &form), ERR_NOMEM);
    assert_int_equal(drive_wait(&d), 0);
}

static void making_one_has_a_deadline(void **state UNUSED)
{
    AUTO_FD int file = sealed_file("fat");
    struct drive d;
    int form = -1;
    drive_start(&d, &prepares);
    assert_err(drive_prepare(&d, file, 1, 0, &form), ERR_MODEL_LOAD_TIMEOUT);
    assert_int_equal(drive_wait(&d), 0);
}

static void what_is_no_model_has_none(void **state UNUSED)
{
    AUTO_FD int file = file_of("not a model", 11);
    struct drive d;
    int form = -1;
    drive_start(&d, &prepares);
    assert_err(drive_prepare(&d, file, 30000, 0, &form), ERR_MODEL_NOT_ONNX);
    assert_int_equal(drive_wait(&d), 0);
}

static void a_file_that_can_change_is_not_prepared(void **state UNUSED)
{
    AUTO_FD int file = -1;
    struct drive d;
    int form = -1;
    assert_ok(memfd_new("test", 4096, &file));
    drive_start(&d, &prepares);
    assert_int_not_equal((int)drive_prepare(&d, file, 30000, 0, &form), OK);
    assert_int_equal(drive_wait(&d), 0);
}

static void who_prepares_serves_no_model(void **state UNUSED)
{
    AUTO_FD int file = sealed_file("tiny");
    struct drive d;
    drive_start(&d, &prepares);
    assert_err(drive_reload(&d, file, GIB), ERR_MODEL_DIED);
    assert_true(ended_refusing(&d));
}

static void who_serves_prepares_no_model(void **state UNUSED)
{
    AUTO_FD int file = sealed_file("tiny");
    struct drive d;
    int form = -1;
    drive_start(&d, &plain);
    assert_err(drive_prepare(&d, file, 30000, 0, &form), ERR_MODEL_DIED);
    assert_true(ended_refusing(&d));
}

/* ── loading one ── */

static void nothing_is_scanned_again(void **state UNUSED)
{
    AUTO_FD int form = made_of("tiny");
    struct drive d;
    drive_start(&d, &prepared);
    d.scanned.us = UINT32_MAX;
    assert_ok(drive_reload(&d, form, GIB));
    assert_int_equal(d.scanned.us, UINT32_MAX);
    drive_front(&d);
    assert_int_equal(d.signature.input_count, 1);
    drive_down(&d);
}

static void its_weights_are_not_copied(void **state UNUSED)
{
    AUTO_FD int file = sealed_file("table"), form = made_of("table");
    long bare = 0, held[2];
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        struct drive d;
        drive_start(&d, i == 0 ? &plain : &prepared);
        bare = drive_status_kib(&d, "RssAnon:");
        assert_ok(drive_reload(&d, i == 0 ? file : form, GIB));
        held[i] = drive_status_kib(&d, "RssAnon:");
        drive_down(&d);
    }
    assert_true(held[0] >= held[1] + 12 * (long)KIB); /* 16 MiB when they come out of a file; an empty process differs by 2 from time to time */
    assert_true(held[1] <= bare + 4 * (long)KIB);
}

/* Whoever sends a model may send such a file. */
static void a_client_cannot_bring_one(void **state UNUSED)
{
    AUTO_FD int form = made_of("tiny");
    struct drive d;
    drive_start(&d, &plain);
    assert_err(drive_reload(&d, form, GIB), ERR_MODEL_NOT_ONNX);
    assert_true(d.why[0] != '\0');
    assert_int_equal(drive_wait(&d), 0);
}

static void one_that_is_none_does_not_load(void **state UNUSED)
{
    AUTO_FD int garbage = file_of("\x18\0\0\0ORTMgarbage, whoever wrote it", 32), onnx = sealed_file("tiny");
    const int files[] = {garbage, onnx};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct drive d;
        drive_start(&d, &prepared);
        assert_int_not_equal((int)drive_reload(&d, files[i], GIB), OK);
        (void)drive_wait(&d);
    }
}

static void blocks_are_never_a_prepared_form(void **state UNUSED)
{
    struct drive d;
    drive_start(&d, &prepared);
    assert_err(drive_load(&d, drive_model("tiny")), ERR_MODEL_DIED);
    assert_true(ended_refusing(&d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_sealed_and_of_another_format),
        cmocka_unit_test(no_more_is_written_than_allowed),
        cmocka_unit_test(without_memory_there_is_none),
        cmocka_unit_test(making_one_has_a_deadline),
        cmocka_unit_test(what_is_no_model_has_none),
        cmocka_unit_test(a_file_that_can_change_is_not_prepared),
        cmocka_unit_test(who_prepares_serves_no_model),
        cmocka_unit_test(who_serves_prepares_no_model),
        cmocka_unit_test(nothing_is_scanned_again),
        cmocka_unit_test(its_weights_are_not_copied),
        cmocka_unit_test(a_client_cannot_bring_one),
        cmocka_unit_test(one_that_is_none_does_not_load),
        cmocka_unit_test(blocks_are_never_a_prepared_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
