/* The thread that hashes behind a writer. */
#include "pull/hasher.h"

#include "base/fd.h"
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#define FILE_LEN (3 * MIB + 17)

static struct hasher *hasher;
static uint8_t bytes[FILE_LEN];
static int fd;

static void expect_digest_of(size_t len)
{
    uint8_t got[SHA256_LEN], expected[SHA256_LEN];
    assert_ok(hasher_finish(hasher, got));
    assert_ok(sha256_of(bytes, len, expected));
    assert_memory_equal(got, expected, SHA256_LEN);
}

static void follows_in_steps(void **state UNUSED)
{
    static const size_t steps[] = {1, 1000, 128 * KIB, 128 * KIB + 1, MIB};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_ok(hasher_begin(hasher, fd, FILE_LEN));
        for (size_t at = 0; at < 64 * steps[i] && at < FILE_LEN; at += steps[i])
            hasher_reach(hasher, at);
        hasher_reach(hasher, FILE_LEN);
        expect_digest_of(FILE_LEN);
    }
}

static void an_empty_file(void **state UNUSED)
{
    assert_ok(hasher_begin(hasher, fd, 0));
    expect_digest_of(0);
}

static void can_be_dropped_at_any_time(void **state UNUSED)
{
    hasher_drop(hasher);
    assert_ok(hasher_begin(hasher, fd, FILE_LEN));
    hasher_drop(hasher);
    assert_ok(hasher_begin(hasher, fd, FILE_LEN));
    hasher_reach(hasher, FILE_LEN);
    hasher_drop(hasher);
    assert_ok(hasher_begin(hasher, fd, FILE_LEN));
    hasher_reach(hasher, 1000);
    expect_digest_of(1000);
}

/* A memory file must be free of mappings when it is sealed. */
static void lets_go_of_the_file(void **state UNUSED)
{
    AUTO_FD int other = -1;
    uint8_t got[SHA256_LEN];
    assert_ok(memfd_new("other", FILE_LEN, &other));
    assert_ok(hasher_begin(hasher, other, FILE_LEN));
    hasher_reach(hasher, FILE_LEN);
    assert_ok(hasher_finish(hasher, got));
    assert_ok(memfd_seal(other, SEALS_FILE));
}

static void what_cannot_be_read(void **state UNUSED)
{
    uint8_t got[SHA256_LEN];
    assert_ok(hasher_begin(hasher, -1, 1));
    hasher_reach(hasher, 1);
    assert_err(hasher_finish(hasher, got), ERR_IO);
    assert_ok(hasher_begin(hasher, fd, FILE_LEN + 1));
    hasher_reach(hasher, FILE_LEN + 1);
    assert_err(hasher_finish(hasher, got), ERR_TRUNCATED);
    assert_ok(hasher_begin(hasher, fd, FILE_LEN));
    hasher_reach(hasher, FILE_LEN);
    expect_digest_of(FILE_LEN);
}

static void memory_can_be_refused(void **state UNUSED)
{
    struct hasher *none = NULL;
    for (long n = 0; n < 2; n++) {
        mem_fail_after(n);
        err_t e = hasher_new(&none);
        mem_fail_after(-1);
        assert_err(e, ERR_NOMEM);
        assert_null(none);
    }
    hasher_free(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_in_steps),           cmocka_unit_test(an_empty_file),
        cmocka_unit_test(can_be_dropped_at_any_time), cmocka_unit_test(lets_go_of_the_file),
        cmocka_unit_test(what_cannot_be_read),        cmocka_unit_test(memory_can_be_refused),
    };
    for (size_t i = 0; i < FILE_LEN; i++)
        bytes[i] = (uint8_t)(i * 2654435761U >> 11);
    if (memfd_new("hashed", 0, &fd) != OK || fd_write_all(fd, bytes, FILE_LEN) != OK || hasher_new(&hasher) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hasher_free(&hasher);
    fd_close(&fd);
    return failed;
}
