/* Memory files and their seals, whole reads and writes, secret memory, SHA-256. */
#include "base/fd.h"
#include "base/secret.h"
#include "base/sha256.h"
#include "base/text.h"
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void test_sealed_file(void **state)
{
    (void)state;
    AUTO_FD int fd = -1;
    AUTO(map_done) struct map m = {0};
    size_t size = 0;
    assert_ok(memfd_new("test", 100, &fd));
    assert_err(memfd_check(fd, SEALS_FILE, 0, 1000, &size), ERR_SEALS_MISSING);
    assert_ok(memfd_seal(fd, SEALS_FILE));
    assert_ok(memfd_check(fd, SEALS_FILE, 100, 100, &size));
    assert_int_equal(size, 100);
    assert_err(memfd_check(fd, SEALS_FILE, 101, 1000, &size), ERR_TOO_LARGE);
    assert_err(memfd_check(fd, SEALS_FILE, 0, 99, &size), ERR_TOO_LARGE);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 50), -1);
    assert_int_not_equal((int)map_shared(fd, 100, PROT_READ | PROT_WRITE, &m), OK);
    assert_ok(map_shared(fd, 100, PROT_READ, &m));
}

static void test_output_area(void **state)
{
    (void)state;
    AUTO_FD int fd = -1;
    AUTO(map_done) struct map mine = {0}, theirs = {0};
    size_t size = 0;
    assert_ok(memfd_new("test", 4096, &fd));
    assert_ok(map_shared(fd, 4096, PROT_READ | PROT_WRITE, &mine));
    assert_ok(memfd_seal(fd, SEALS_OUTPUT));
    assert_ok(memfd_check(fd, SEALS_OUTPUT, 1, 4096, &size));
    assert_int_not_equal((int)map_shared(fd, 4096, PROT_READ | PROT_WRITE, &theirs), OK);
    assert_ok(map_shared(fd, 4096, PROT_READ, &theirs));
    mine.addr[7] = 42;
    assert_int_equal(theirs.addr[7], 42);
    assert_int_equal(ftruncate(fd, 1), -1);
}

static void test_other_descriptors_are_refused(void **state)
{
    (void)state;
    int pipe_fds[2];
    size_t size = 0;
    assert_int_equal(pipe(pipe_fds), 0);
    AUTO_FD int reader = pipe_fds[0], writer = pipe_fds[1];
    AUTO_FD int file = open("/dev/null", O_RDONLY);
    assert_err(memfd_check(reader, SEALS_AREA, 0, 100, &size), ERR_SEALS_MISSING);
    assert_err(memfd_check(file, SEALS_AREA, 0, 100, &size), ERR_SEALS_MISSING);
    assert_ok(fd_write_all(writer, "abc", 3));
    char text[4] = "";
    assert_ok(fd_read_all(reader, text, 3));
    assert_string_equal(text, "abc");
    fd_close(&writer);
    assert_int_equal(writer, -1);
    assert_err(fd_read_all(reader, text, 1), ERR_TRUNCATED);
}

static void test_places_of_a_file(void **state)
{
    (void)state;
    AUTO_FD int fd = -1;
    char text[6] = "";
    assert_ok(memfd_new("places", 0, &fd));
    assert_ok(fd_write_at(fd, 2, "cde", 3));
    assert_ok(fd_write_at(fd, 0, "ab", 2));
    assert_ok(fd_read_at(fd, 0, text, 5));
    assert_string_equal(text, "abcde");
    assert_ok(fd_read_at(fd, 3, text, 2));
    assert_string_equal(text, "decde");
    assert_err(fd_read_at(fd, 4, text, 2), ERR_TRUNCATED);
    assert_ok(fd_read_all(fd, text, 1)); /* the file's own place has not moved */
    assert_int_equal(text[0], 'a');
    assert_err(fd_write_at(-1, 0, "x", 1), ERR_IO);
    assert_err(fd_read_at(-1, 0, text, 1), ERR_IO);
}

static void test_secret(void **state)
{
    (void)state;
    struct secret s = {0};
    err_t e = secret_init(&s, 32);
    if (e == ERR_NOT_PERMITTED)
        skip(); /* no memory may be locked here */
    assert_ok(e);
    assert_int_equal(s.len, 32);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(s.data[i], 0);
    memset(s.data, 7, 32);
    secret_done(&s);
    assert_null(s.data);
    secret_done(&s);
    assert_err(secret_init(&s, 0), ERR_TOO_LARGE);
    assert_true(secret_equal("abc", "abc", 3));
    assert_false(secret_equal("abc", "abd", 3));
    assert_true(secret_equal("x", "y", 0));
    char wiped[4] = "abc";
    secret_wipe(wiped, sizeof(wiped));
    assert_memory_equal(wiped, "\0\0\0\0", 4);
}

/* FIPS 180-4 examples */
static void test_sha256(void **state)
{
    (void)state;
    uint8_t digest[SHA256_LEN];
    char hex[HEX_LEN(SHA256_LEN) + 1];
    assert_ok(sha256_of("abc", 3, digest));
    hex_encode(digest, SHA256_LEN, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    AUTO(sha256_done) struct sha256 h = {0};
    assert_ok(sha256_init(&h));
    for (unsigned round = 0; round < 2; round++) {
        assert_ok(sha256_update(&h, "", 0));
        assert_ok(sha256_final(&h, digest));
        hex_encode(digest, SHA256_LEN, hex);
        assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_ok(sha256_reset(&h));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed_file),
        cmocka_unit_test(test_output_area),
        cmocka_unit_test(test_other_descriptors_are_refused),
        cmocka_unit_test(test_places_of_a_file),
        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
