/* Folders behind threads: what a job says of files that are not what they should be. */
#include "rig.h"

#include "base/text.h"
#include "fetch/disk.h"

#include <sys/stat.h>

/* What stands in the place of "hello", in a store and in its cache. */
struct row {
    void (*make)(const char *path);
    err_t fault;
};

static void make_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0777), 0);
}

static void make_link(const char *path)
{
    assert_int_equal(symlink("elsewhere", path), 0);
}

static void make_file(const char *path, off_t size)
{
    FILE *file = fopen(path, "w");
    assert_true(file != NULL && fputs("jello", file) >= 0 && fclose(file) == 0);
    assert_int_equal(truncate(path, size), 0);
}

static void make_wrong(const char *path)
{
    make_file(path, 5);
}

static void make_large(const char *path)
{
    make_file(path, STORE_BLOCK_MAX + 1);
}

static void make_in(const char *dir, const struct cid *cid, const struct row *row)
{
    char digits[HEX_LEN(SHA256_LEN) + 1], path[512];
    hex_encode(cid_digest(cid), SHA256_LEN, digits);
    (void)snprintf(path, sizeof(path), "%s/%.2s", dir, digits);
    assert_int_equal(mkdir(path, 0777), 0);
    (void)snprintf(path, sizeof(path), "%s/%.2s/%s", dir, digits, digits);
    row->make(path);
}

static void run_job(const struct rig *r, struct cache *cache, struct disk_job *job)
{
    const struct disk_setup setup = {.cache = cache, .folders = {{&r->store, 1}}, .n_folders = 1};
    AUTO(disk_free) struct disk *disk = NULL;
    assert_int_equal(disk_new(&setup, &disk), OK);
    struct pollfd done = {.fd = disk_fd(disk), .events = POLLIN};
    disk_push(disk, job);
    assert_int_equal(poll(&done, 1, TIMEOUT_MS), 1);
    assert_ptr_equal(disk_take(disk), job);
}

/* Everything was a wrong block, also what could not be read. */
static void faults_have_their_reason(void **state)
{
    static const struct row rows[] = {{make_wrong, ERR_BLOCK_MISMATCH},
                                      {make_large, ERR_BLOCK_TOO_LARGE},
                                      {make_folder, ERR_IO},
                                      {make_link, ERR_IO}};
    const struct cid hello = name_of(text_view("hello"));
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rig *r = rig_new();
        struct pool pool;
        struct disk_job job = {.kind = DISK_READ};
        rig_cache(r);
        make_in(r->store_path, &hello, &rows[i]);
        make_in(r->cache_path, &hello, &rows[i]);
        memcpy(job.digest, cid_digest(&hello), SHA256_LEN);
        assert_int_equal(pool_init(&pool, BODY_CHUNKS_MAX), OK);
        assert_int_equal(body_new(&pool, BODY_CHUNKS_MAX, &job.body), OK);
        run_job(r, &r->cache, &job);
        assert_int_equal(job.result, ERR_NOT_FOUND);
        for (size_t source = 0; source < COUNT_OF(job.faults); source++)
            assert_int_equal(job.faults[source], source < 2 ? rows[i].fault : OK);
        body_release(&job.body);
        pool_done(&pool);
        rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_have_their_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
