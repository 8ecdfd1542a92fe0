/* The block store in a folder of its own. */
#include "store/store.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char dir[128];
    struct store store;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(f->dir, sizeof(f->dir), "%s/veronnx-store-XXXXXX", tmp != NULL ? tmp : P_tmpdir);
    if (mkdtemp(f->dir) == NULL || store_create(f->dir, &f->store, NULL) != OK)
        return -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[256];
    store_done(&f->store);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    int rc = system(command);
    free(f);
    return rc;
}

static void digest_of(const char *text, uint8_t digest[static SHA256_LEN])
{
    assert_int_equal(sha256_of(text, strlen(text), digest), OK);
}

static void put(const struct store *s, const char *text)
{
    uint8_t digest[SHA256_LEN];
    digest_of(text, digest);
    assert_int_equal(store_put(s, digest, view_of(text, strlen(text))), OK);
}

static bool has(const struct store *s, const char *text)
{
    AUTO_BUF struct buf out = {.max = STORE_BLOCK_MAX};
    uint8_t digest[SHA256_LEN];
    digest_of(text, digest);
    return store_get(s, digest, &out) == OK && view_is(buf_view(&out), text);
}

/* Path of the file that a text has. */
static void path_of(const struct fixture *f, const char *text, char path[static 256])
{
    uint8_t digest[SHA256_LEN];
    char hex[HEX_LEN(SHA256_LEN) + 1];
    digest_of(text, digest);
    hex_encode(digest, sizeof(digest), hex);
    (void)snprintf(path, 256, "%s/%.2s/%s", f->dir, hex, hex);
}

static void write_file(const char *path, const char *text, size_t n)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        fail_msg("%s", path);
    else
        assert_true(fwrite(text, 1, n, file) == n && fclose(file) == 0);
}

static unsigned files_below(const struct fixture *f, const char *folder)
{
    char command[256];
    unsigned n = 99;
    (void)snprintf(command, sizeof(command), "find '%s/%s' -type f | wc -l", f->dir, folder);
    FILE *out = popen(command, "r");
    assert_true(out != NULL && fscanf(out, "%u", &n) == 1 && pclose(out) == 0);
    return n;
}

/* sha256sum agrees with every name. */
static void check_names(const struct fixture *f)
{
    char command[512];
    (void)snprintf(command, sizeof(command),
                   "cd '%s' && for f in [0-9a-f]*/*; do echo \"${f#*/}  $f\"; done | sha256sum -c --quiet --strict",
                   f->dir);
    assert_int_equal(system(command), 0);
}

static void holds_what_is_put(void **state)
{
    struct fixture *f = *state;
    put(&f->store, "hello");
    put(&f->store, "");
    put(&f->store, "hello");
    assert_true(has(&f->store, "hello"));
    assert_true(has(&f->store, ""));
    assert_false(has(&f->store, "world"));
    assert_int_equal(files_below(f, "."), 2);
}

static void files_are_named_by_their_hash(void **state)
{
    struct fixture *f = *state;
    put(&f->store, "hello");
    put(&f->store, "world");
    check_names(f);
    assert_int_equal(files_below(f, "tmp"), 0);
}

static void another_process_sees_it(void **state)
{
    struct fixture *f = *state;
    struct store other = STORE_NONE;
    put(&f->store, "hello");
    assert_int_equal(store_open(f->dir, &other, NULL), OK);
    assert_true(has(&other, "hello"));
    store_done(&other);
}

/* A file that was damaged is given out as it is, since readers check, and repaired by the next put. */
static void damage_is_repaired_by_put(void **state)
{
    struct fixture *f = *state;
    char path[256];
    put(&f->store, "hello");
    path_of(f, "hello", path);
    write_file(path, "hel", 3);
    assert_false(has(&f->store, "hello"));
    put(&f->store, "hello");
    assert_true(has(&f->store, "hello"));
}

static void refuses_files_that_are_no_blocks(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf out = {.max = STORE_BLOCK_MAX};
    uint8_t digest[SHA256_LEN];
    char path[256];
    digest_of("hello", digest);
    path_of(f, "hello", path);
    put(&f->store, "hello");
    assert_int_equal(truncate(path, (off_t)STORE_BLOCK_MAX + 1), 0);
    assert_int_equal(store_get(&f->store, digest, &out), ERR_BLOCK_TOO_LARGE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); /* must not wait for a writer */
    assert_int_equal(store_get(&f->store, digest, &out), ERR_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(store_get(&f->store, digest, &out), ERR_IO);
    assert_int_equal(out.len, 0);
}

static void blocks_have_a_maximum(void **state)
{
    struct fixture *f = *state;
    uint8_t digest[SHA256_LEN], *bytes = calloc(1, STORE_BLOCK_MAX + 1);
    AUTO_BUF struct buf out = {.max = STORE_BLOCK_MAX};
    assert_non_null(bytes);
    assert_int_equal(sha256_of(bytes, STORE_BLOCK_MAX, digest), OK);
    assert_int_equal(store_put(&f->store, digest, view_of(bytes, STORE_BLOCK_MAX)), OK);
    assert_int_equal(store_get(&f->store, digest, &out), OK);
    assert_int_equal(out.len, STORE_BLOCK_MAX);
    assert_int_equal(store_put(&f->store, digest, view_of(bytes, STORE_BLOCK_MAX + 1)), ERR_BLOCK_TOO_LARGE);
    free(bytes);
}

static void opening_says_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    struct store s = STORE_NONE;
    struct why why = {0};
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/none", f->dir);
    assert_int_equal(store_open(path, &s, &why), ERR_NOT_FOUND);
    assert_non_null(strstr(why.text, "none: no such folder"));
    (void)snprintf(path, sizeof(path), "%s/a/b/c/", f->dir);
    assert_int_equal(store_create(path, &s, &why), OK);
    put(&s, "hello");
    store_done(&s);
    (void)snprintf(path, sizeof(path), "%s/file", f->dir);
    write_file(path, "", 0);
    assert_int_equal(store_create(path, &s, &why), ERR_NOT_FOUND);
    assert_int_equal(s.dir, -1);
}

/* A file of 1970. */
static void write_old(const char *path)
{
    write_file(path, "x", 1);
    assert_int_equal(utimes(path, (struct timeval[]){{1000, 0}, {1000, 0}}), 0);
}

/* What dead writers left is swept; what a live one is writing is not, nor what has another name than theirs. */
static void old_unfinished_files_are_removed(void **state)
{
    struct fixture *f = *state;
    struct store s = STORE_NONE;
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/tmp/%032d", f->dir, 1);
    write_file(path, "x", 1);
    (void)snprintf(path, sizeof(path), "%s/tmp/letter.txt", f->dir);
    write_old(path);
    (void)snprintf(path, sizeof(path), "%s/tmp/%032d", f->dir, 2);
    write_old(path);
    assert_int_equal(store_create(f->dir, &s, NULL), OK);
    store_done(&s);
    assert_int_equal(files_below(f, "tmp"), 2);
    assert_int_equal(access(path, F_OK), -1);
}

/* Whoever can write into the folder must not make us remove files elsewhere. */
static void nothing_is_removed_behind_a_link(void **state)
{
    struct fixture *f = *state;
    struct store s = STORE_NONE;
    uint8_t digest[SHA256_LEN];
    char elsewhere[200], path[256], folder[256];
    (void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", f->dir);
    (void)snprintf(path, sizeof(path), "%s/tmp", f->dir);
    assert_true(rmdir(path) == 0 && mkdir(elsewhere, 0700) == 0 && symlink(elsewhere, path) == 0);
    (void)snprintf(path, sizeof(path), "%s/%032d", elsewhere, 1);
    write_old(path);
    assert_int_equal(store_create(f->dir, &s, NULL), ERR_NOT_FOUND);
    assert_int_equal(s.dir, -1);
    assert_int_equal(access(path, F_OK), 0);

    path_of(f, "hello", path);
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(strlen(path) - HEX_LEN(SHA256_LEN) - 1), path);
    assert_int_equal(symlink(elsewhere, folder), 0);
    write_old(path);
    digest_of("hello", digest);
    assert_int_equal(store_remove(&f->store, digest), ERR_IO);
    assert_int_equal(access(path, F_OK), 0);
}

static void removes_a_block(void **state)
{
    struct fixture *f = *state;
    uint8_t digest[SHA256_LEN];
    digest_of("hello", digest);
    assert_int_equal(store_remove(&f->store, digest), OK);
    put(&f->store, "hello");
    put(&f->store, "world");
    assert_int_equal(store_remove(&f->store, digest), OK);
    assert_false(has(&f->store, "hello"));
    assert_true(has(&f->store, "world"));
}

/* kill -9 at any moment: whatever stands under a name has that hash. */
static void a_killed_writer_leaves_whole_blocks(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 20; round++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            for (unsigned i = 0;; i++) {
                static uint8_t block[64 * KIB];
                uint8_t digest[SHA256_LEN];
                memcpy(block, &i, sizeof(i));
                block[8] = (uint8_t)round;
                if (sha256_of(block, sizeof(block), digest) != OK ||
                    store_put(&f->store, digest, view_of(block, sizeof(block))) != OK)
                    _exit(1);
            }
        }
        (void)usleep((useconds_t)(3000 + round * 777));
        assert_int_equal(kill(pid, SIGKILL), 0);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
    }
    assert_true(files_below(f, ".") > 20);
    check_names(f);
}

static void memory_can_be_refused(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf out = {.max = STORE_BLOCK_MAX};
    uint8_t digest[SHA256_LEN];
    put(&f->store, "hello");
    digest_of("hello", digest);
    mem_fail_after(0);
    err_t e = store_get(&f->store, digest, &out);
    mem_fail_after(-1);
    assert_int_equal(e, ERR_NOMEM);
}

static void the_default_path(void **state UNUSED)
{
    char path[64];
    assert_int_equal(setenv("HOME", "/home/x", 1), 0);
    assert_int_equal(setenv("XDG_DATA_HOME", "/data", 1), 0);
    assert_int_equal(store_default_path(path, sizeof(path)), OK);
    assert_string_equal(path, "/data/veronnx/store");
    assert_int_equal(setenv("XDG_DATA_HOME", "relative", 1), 0);
    assert_int_equal(store_default_path(path, sizeof(path)), OK);
    assert_string_equal(path, "/home/x/.local/share/veronnx/store");
    assert_int_equal(store_default_path(path, 10), ERR_USAGE);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(store_default_path(path, sizeof(path)), ERR_USAGE);
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(holds_what_is_put),
        STORE_TEST(files_are_named_by_their_hash),
        STORE_TEST(another_process_sees_it),
        STORE_TEST(damage_is_repaired_by_put),
        STORE_TEST(refuses_files_that_are_no_blocks),
        STORE_TEST(blocks_have_a_maximum),
        STORE_TEST(opening_says_what_is_wrong),
        STORE_TEST(old_unfinished_files_are_removed),
        STORE_TEST(nothing_is_removed_behind_a_link),
        STORE_TEST(removes_a_block),
        STORE_TEST(a_killed_writer_leaves_whole_blocks),
        STORE_TEST(memory_can_be_refused),
        cmocka_unit_test(the_default_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
