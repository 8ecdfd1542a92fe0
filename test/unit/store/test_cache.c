/* The cache: its size, what goes first, and whatever may happen to its folder. */
#include "store/cache.h"

#include "base/mem.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BLOCK_BYTES (10 * CACHE_PAGE) /* of the blocks here */
#define MAX_BLOCKS  20                /* that the cache holds */
#define NOBODY      65534

struct fixture {
    char dir[128];
    struct cache cache;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");
    if (f == NULL)
        return -1;
    (void)snprintf(f->dir, sizeof(f->dir), "%s/veronnx-cache-XXXXXX", tmp != NULL ? tmp : P_tmpdir);
    *state = f;
    return mkdtemp(f->dir) != NULL && cache_open(f->dir, MAX_BLOCKS * BLOCK_BYTES, &f->cache, NULL) == OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[256];
    cache_done(&f->cache);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    int rc = system(command);
    free(f);
    return rc;
}

/* The n-th block: its size is BLOCK_BYTES less a little, so that it takes as many pages. */
static void make_block(uint32_t n, uint8_t *bytes, uint8_t *digest)
{
    memset(bytes, 0, BLOCK_BYTES);
    memcpy(bytes, &n, sizeof(n));
    assert_int_equal(sha256_of(bytes, BLOCK_BYTES - 17, digest), OK);
}

static err_t put(struct cache *c, uint32_t n)
{
    uint8_t bytes[BLOCK_BYTES], digest[SHA256_LEN];
    make_block(n, bytes, digest);
    struct iovec parts[] = {{bytes, CACHE_PAGE}, {bytes + CACHE_PAGE, BLOCK_BYTES - 17 - CACHE_PAGE}};
    return cache_put(c, digest, parts, 2);
}

static bool has(const struct cache *c, uint32_t n)
{
    uint8_t bytes[BLOCK_BYTES], digest[SHA256_LEN];
    AUTO_FD int fd = -1;
    size_t size = 0;
    make_block(n, bytes, digest);
    return cache_find(c, digest, &fd, &size) == OK && size == BLOCK_BYTES - 17;
}

static void path_of(const struct fixture *f, uint32_t n, char path[static 256])
{
    uint8_t bytes[BLOCK_BYTES], digest[SHA256_LEN];
    char hex[HEX_LEN(SHA256_LEN) + 1];
    make_block(n, bytes, digest);
    hex_encode(digest, sizeof(digest), hex);
    (void)snprintf(path, 256, "%s/%.2s/%s", f->dir, hex, hex);
}

static void set_used(const struct fixture *f, uint32_t n, time_t when)
{
    char path[256];
    path_of(f, n, path);
    assert_int_equal(utimes(path, (struct timeval[]){{when, 0}, {when, 0}}), 0);
}

static uint64_t disk_usage(const struct fixture *f)
{
    char command[256];
    unsigned long kib = 0;
    (void)snprintf(command, sizeof(command),
                   "find '%s' -type f -printf '%%s\\n' | awk '{n += int(($1 + 4095) / 4096) * 4} END {print n + 0}'",
                   f->dir);
    FILE *out = popen(command, "r");
    assert_true(out != NULL && fscanf(out, "%lu", &kib) == 1 && pclose(out) == 0);
    return kib * KIB;
}

static void holds_what_is_put(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(&f->cache, 1), OK);
    assert_int_equal(put(&f->cache, 2), OK);
    assert_true(has(&f->cache, 1) && has(&f->cache, 2));
    assert_false(has(&f->cache, 3));
    assert_int_equal(f->cache.total, 2 * BLOCK_BYTES);
    uint8_t bytes[BLOCK_BYTES], digest[SHA256_LEN];
    make_block(1, bytes, digest);
    cache_remove(&f->cache, digest);
    cache_remove(&f->cache, digest);
    assert_false(has(&f->cache, 1));
    assert_int_equal(f->cache.total, BLOCK_BYTES);
}

static void the_oldest_goes_first(void **state)
{
    struct fixture *f = *state;
    for (uint32_t n = 0; n < MAX_BLOCKS; n++) {
        assert_int_equal(put(&f->cache, n), OK);
        set_used(f, n, 1000000 + (n * 7) % MAX_BLOCKS); /* 0, 3, 6 ... were used first */
    }
    for (uint32_t n = 0; n < 5; n++)
        assert_int_equal(put(&f->cache, 100 + n), OK);
    for (uint32_t n = 0; n < MAX_BLOCKS; n++)
        assert_int_equal(has(&f->cache, n), (n * 7) % MAX_BLOCKS >= 5);
    assert_int_equal(disk_usage(f), MAX_BLOCKS * BLOCK_BYTES);
    assert_int_equal(f->cache.total, MAX_BLOCKS * BLOCK_BYTES);
}

/* A look at a block counts as use, also when it was already chosen to go. */
static void what_is_used_stays(void **state)
{
    struct fixture *f = *state;
    for (uint32_t n = 0; n < MAX_BLOCKS; n++) {
        assert_int_equal(put(&f->cache, n), OK);
        set_used(f, n, 1000000 + n);
    }
    assert_true(has(&f->cache, 0));
    assert_int_equal(put(&f->cache, 100), OK);
    assert_true(f->cache.n_victims > 0); /* 1 went, 2 or 3 is next */
    assert_true(has(&f->cache, 2) && has(&f->cache, 3));
    assert_int_equal(put(&f->cache, 101), OK);
    for (uint32_t n = 0; n < 6; n++)
        assert_int_equal(has(&f->cache, n), n != 1 && n != 4);
}

static void a_restart_changes_nothing(void **state)
{
    struct fixture *f = *state;
    for (uint32_t n = 0; n < MAX_BLOCKS; n++)
        assert_int_equal(put(&f->cache, n), OK);
    cache_done(&f->cache);
    assert_int_equal(cache_open(f->dir, MAX_BLOCKS * BLOCK_BYTES, &f->cache, NULL), OK);
    assert_true(has(&f->cache, 3));
    int folders = 1;
    while (cache_count(&f->cache))
        folders++;
    assert_int_equal(folders, CACHE_FOLDERS);
    assert_int_equal(f->cache.total, MAX_BLOCKS * BLOCK_BYTES);
    assert_int_equal(put(&f->cache, 100), OK);
    assert_int_equal(disk_usage(f), MAX_BLOCKS * BLOCK_BYTES);
}

/* One that is opened with less room shrinks with the next block. */
static void a_smaller_cache_shrinks(void **state)
{
    struct fixture *f = *state;
    for (uint32_t n = 0; n < MAX_BLOCKS; n++)
        assert_int_equal(put(&f->cache, n), OK);
    cache_done(&f->cache);
    assert_int_equal(cache_open(f->dir, 3 * BLOCK_BYTES, &f->cache, NULL), OK);
    while (cache_count(&f->cache))
        ;
    assert_int_equal(put(&f->cache, 100), OK);
    assert_true(has(&f->cache, 100));
    assert_int_equal(disk_usage(f), 3 * BLOCK_BYTES);
}

static void what_does_not_fit_is_not_kept(void **state)
{
    struct fixture *f = *state;
    cache_done(&f->cache);
    assert_int_equal(cache_open(f->dir, BLOCK_BYTES - 1, &f->cache, NULL), OK);
    assert_int_equal(put(&f->cache, 1), ERR_TOO_LARGE);
    assert_int_equal(disk_usage(f), 0);
}

/* What others put there counts in time, and what they remove too. */
static void others_may_share_it(void **state)
{
    struct fixture *f = *state;
    AUTO(cache_done) struct cache other = CACHE_NONE;
    assert_int_equal(cache_open(f->dir, MAX_BLOCKS * BLOCK_BYTES, &other, NULL), OK);
    for (uint32_t n = 0; n < 8; n++)
        assert_int_equal(put(&other, n), OK);
    assert_int_equal(f->cache.total, 0);
    while (cache_count(&f->cache))
        ;
    assert_int_equal(f->cache.total, 8 * BLOCK_BYTES);
    char path[256];
    path_of(f, 3, path);
    assert_int_equal(unlink(path), 0);
    for (int i = 0; i < CACHE_FOLDERS; i++)
        (void)cache_count(&f->cache);
    assert_int_equal(f->cache.total, 7 * BLOCK_BYTES);
    assert_true(has(&f->cache, 2));
    for (uint32_t n = 100; n < 100 + 3 * MAX_BLOCKS; n++) {
        assert_int_equal(put(&f->cache, n), OK);
        assert_int_equal(put(&other, 1000 + n), OK);
    }
    for (int i = 0; i < CACHE_FOLDERS; i++)
        (void)cache_count(&f->cache);
    assert_int_equal(put(&f->cache, 5000), OK);
    assert_true(disk_usage(f) <= MAX_BLOCKS * BLOCK_BYTES);
}

/* Strange things in the folder are left alone and do no harm. */
static void strange_files_are_passed_over(void **state)
{
    struct fixture *f = *state;
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/00", f->dir);
    (void)mkdir(path, 0700);
    static const char *const names[] = {"x", "00", "README",
                                        "zz000000000000000000000000000000000000000000000000000000000000zz"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/00/%s", f->dir, names[i]);
        FILE *file = fopen(path, "w");
        assert_true(file != NULL && fclose(file) == 0);
    }
    (void)snprintf(path, sizeof(path), "%s/00/%064d", f->dir, 0);
    assert_int_equal(mkdir(path, 0700), 0); /* a folder with the name of a block */
    for (uint32_t n = 0; n < 2 * MAX_BLOCKS; n++)
        assert_int_equal(put(&f->cache, n), OK);
    while (cache_count(&f->cache))
        ;
    assert_int_equal(f->cache.total, MAX_BLOCKS * BLOCK_BYTES);
    assert_int_equal(access(path, F_OK), 0);
}

/* A minute is far more than it takes: who loops for ever is ended by the signal. */
static err_t put_in_time(struct cache *c, uint32_t n)
{
    (void)alarm(60);
    err_t e = put(c, n);
    (void)alarm(0);
    return e;
}

/* Files with the name of another folder's block, or in capitals, are no blocks: they are not counted, and not sent away
   in vain. */
static void misplaced_files_are_passed_over(void **state)
{
    struct fixture *f = *state;
    char path[300];
    uint8_t bytes[BLOCK_BYTES] = {0};
    (void)snprintf(path, sizeof(path), "%s/ab", f->dir);
    (void)mkdir(path, 0700);
    for (unsigned n = 0; n < 2 * MAX_BLOCKS; n++) {
        (void)snprintf(path, sizeof(path), "%s/ab/%s%062u", f->dir, n % 2 == 0 ? "cd" : "AB", n);
        FILE *file = fopen(path, "w");
        assert_true(file != NULL && fwrite(bytes, 1, sizeof(bytes), file) == sizeof(bytes) && fclose(file) == 0);
    }
    while (cache_count(&f->cache))
        ;
    assert_int_equal(f->cache.total, 0);
    for (uint32_t n = 0; n < 2 * MAX_BLOCKS; n++)
        assert_int_equal(put_in_time(&f->cache, n), OK);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(f->cache.total, MAX_BLOCKS * BLOCK_BYTES);
}

static void change_folders(const struct fixture *f, const char *mode)
{
    char command[256];
    (void)snprintf(command, sizeof(command), "find '%s' -type d -exec chmod %s {} +", f->dir, mode);
    assert_int_equal(system(command), 0);
}

/* What cannot be removed makes no room, and the answer says so. */
static void files_that_cannot_be_removed(void **state)
{
    struct fixture *f = *state;
    for (uint32_t n = 0; n < MAX_BLOCKS; n++)
        assert_int_equal(put(&f->cache, n), OK);
    change_folders(f, "0555");
    if (geteuid() == 0)
        assert_int_equal(seteuid(NOBODY), 0); /* root may remove them all the same */
    err_t e = put_in_time(&f->cache, 100);
    assert_int_equal(seteuid(getuid()), 0);
    change_folders(f, "0755");
    assert_int_equal(e, ERR_TOO_LARGE);
    assert_int_equal(f->cache.total, MAX_BLOCKS * BLOCK_BYTES);
    assert_int_equal(put_in_time(&f->cache, 100), OK);
    assert_int_equal(disk_usage(f), MAX_BLOCKS * BLOCK_BYTES);
}

/* No space: nothing half written stays, and errno says so. A limit on files stands for the disk. */
static void a_full_disk(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, small = {BLOCK_BYTES / 2, RLIM_INFINITY};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    errno = 0;
    err_t e = put(&f->cache, 1);
    int os_error = errno;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(e, ERR_IO);
    assert_true(os_error == ENOSPC || os_error == EFBIG);
    assert_int_equal(disk_usage(f), 0);
    assert_int_equal(f->cache.total, 0);
    assert_int_equal(put(&f->cache, 1), OK);
}

/* kill -9 at any moment, also while room is being made: what is there is whole, and nothing needs repair. */
static void a_killed_writer_leaves_whole_blocks(void **state)
{
    struct fixture *f = *state;
    char command[512];
    for (unsigned round = 0; round < 30; round++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            for (uint32_t n = 0;; n++)
                if (put(&f->cache, round * 100000 + n) != OK)
                    _exit(1);
        (void)usleep((useconds_t)(2000 + round * 377));
        assert_int_equal(kill(pid, SIGKILL), 0);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        cache_done(&f->cache);
        assert_int_equal(cache_open(f->dir, MAX_BLOCKS * BLOCK_BYTES, &f->cache, NULL), OK);
        while (cache_count(&f->cache))
            ;
        assert_int_equal(put(&f->cache, 1), OK);
        assert_true(f->cache.total <= MAX_BLOCKS * BLOCK_BYTES);
    }
    (void)snprintf(command, sizeof(command),
                   "cd '%s' && for f in [0-9a-f]*/*; do echo \"${f#*/}  $f\"; done | sha256sum -c --quiet --strict",
                   f->dir);
    assert_int_equal(system(command), 0);
    (void)snprintf(command, sizeof(command), "rm -rf '%s/tmp'/*", f->dir); /* swept an hour later */
    assert_int_equal(system(command), 0);
    assert_true(disk_usage(f) <= MAX_BLOCKS * BLOCK_BYTES);
}

static void memory_can_be_refused(void **state)
{
    struct fixture *f = *state;
    for (uint32_t n = 0; n < MAX_BLOCKS; n++)
        assert_int_equal(put(&f->cache, n), OK);
    for (long n = 0; n < 2; n++) {
        uint8_t bytes[BLOCK_BYTES], digest[SHA256_LEN];
        make_block(1000, bytes, digest);
        struct iovec part = {bytes, BLOCK_BYTES - 17};
        mem_fail_after(n);
        err_t e = cache_put(&f->cache, digest, &part, 1);
        mem_fail_after(-1);
        assert_int_equal(e, ERR_NOMEM);
    }
    assert_int_equal(put(&f->cache, 1000), OK);
}

static void the_default_path(void **state)
{
    (void)state;
    char path[64];
    assert_int_equal(setenv("HOME", "/home/x", 1), 0);
    assert_int_equal(setenv("XDG_CACHE_HOME", "/cache", 1), 0);
    assert_int_equal(cache_default_path(path, sizeof(path)), OK);
    assert_string_equal(path, "/cache/veronnx/blocks");
    assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
    assert_int_equal(cache_default_path(path, sizeof(path)), OK);
    assert_string_equal(path, "/home/x/.cache/veronnx/blocks");
    assert_int_equal(cache_default_path(path, 10), ERR_USAGE);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(cache_default_path(path, sizeof(path)), ERR_USAGE);
}

int main(void)
{
#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CACHE_TEST(holds_what_is_put),
        CACHE_TEST(the_oldest_goes_first),
        CACHE_TEST(what_is_used_stays),
        CACHE_TEST(a_restart_changes_nothing),
        CACHE_TEST(a_smaller_cache_shrinks),
        CACHE_TEST(what_does_not_fit_is_not_kept),
        CACHE_TEST(others_may_share_it),
        CACHE_TEST(strange_files_are_passed_over),
        CACHE_TEST(misplaced_files_are_passed_over),
        CACHE_TEST(files_that_cannot_be_removed),
        CACHE_TEST(a_full_disk),
        CACHE_TEST(a_killed_writer_leaves_whole_blocks),
        CACHE_TEST(memory_can_be_refused),
        cmocka_unit_test(the_default_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
