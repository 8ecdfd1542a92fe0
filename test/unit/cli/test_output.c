/* Standard output whose reader takes its time. */
#include "cli/output.h"

#include "base/fd.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "unit.h"

#define SIZE (3 * MIB + 12345)

static uint8_t file[SIZE];

/* Descriptor 1 is the writing end of a pipe until `output_back`. */
struct pipe {
    int reader;
    int before;
};

static struct pipe output_into_pipe(void)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct pipe p = {.reader = fds[0], .before = dup(STDOUT_FILENO)};
    assert_int_equal(dup2(fds[1], STDOUT_FILENO), STDOUT_FILENO);
    (void)close(fds[1]);
    return p;
}

static void output_back(const struct pipe *p)
{
    (void)dup2(p->before, STDOUT_FILENO);
    (void)close(p->before);
}

static struct output open_spool(void)
{
    struct output o = OUTPUT_NONE;
    assert_ok(output_open(NULL, &o, NULL));
    for (size_t i = 0; i < SIZE; i++)
        file[i] = (uint8_t)(i * 2654435761U >> 13);
    assert_ok(fd_write_at(o.fd, 0, file, SIZE));
    return o;
}

static void *read_all(void *user)
{
    const struct pipe *p = user;
    static uint8_t got[SIZE + 1];
    size_t n = 0;
    for (ssize_t more = 1; more > 0; n += (size_t)MAX(more, 0))
        more = read(p->reader, got + n, sizeof(got) - n);
    (void)close(p->reader);
    return n == SIZE && memcmp(got, file, SIZE) == 0 ? user : NULL;
}

/* A reader that stood still made the puller wait in a write, until the fetcher thought it dead. */
static void a_reader_that_stands_does_not_make_us_wait(void **state UNUSED)
{
    struct output o = open_spool();
    struct pipe p = output_into_pipe();
    pthread_t reader;
    void *whole = NULL;
    (void)alarm(30); /* it waited for ever */
    for (uint64_t prefix = MIB / 4; prefix <= SIZE; prefix += MIB / 4)
        assert_ok(output_reach(&o, prefix, NULL));
    assert_ok(output_reach(&o, SIZE, NULL));
    (void)alarm(0);
    assert_true(o.copied > 0 && o.copied < SIZE);
    assert_int_equal(pthread_create(&reader, NULL, read_all, &p), 0);
    err_t e = output_commit(&o, NULL);
    output_back(&p);
    assert_int_equal(pthread_join(reader, &whole), 0);
    assert_ok(e);
    assert_ptr_equal(whole, &p);
    output_done(&o);
}

static void a_reader_that_went_is_an_error(void **state UNUSED)
{
    struct output o = open_spool();
    struct pipe p = output_into_pipe();
    (void)close(p.reader);
    err_t e = output_reach(&o, SIZE, NULL);
    output_back(&p);
    assert_err(e, ERR_IO);
    output_done(&o);
}

static void a_file_takes_everything_at_once(void **state UNUSED)
{
    struct output o = open_spool();
    FILE *to = tmpfile();
    assert_non_null(to);
    struct pipe p = {.reader = -1, .before = dup(STDOUT_FILENO)};
    assert_int_equal(dup2(fileno(to), STDOUT_FILENO), STDOUT_FILENO);
    err_t e = output_reach(&o, SIZE, NULL);
    output_back(&p);
    assert_ok(e);
    assert_int_equal(o.copied, SIZE);
    (void)fclose(to);
    output_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_stands_does_not_make_us_wait),
        cmocka_unit_test(a_reader_that_went_is_an_error),
        cmocka_unit_test(a_file_takes_everything_at_once),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
