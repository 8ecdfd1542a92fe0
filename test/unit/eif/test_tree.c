/* A folder as an archive: order, modes, links; without memory, and with files that change meanwhile. What is refused is
   tested with the command. */
#include "base/fd.h"
#include "eif/cpio.h"
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM (64 * KIB)

struct folder {
    char path[256];
    int fd;
};

static void make_file(const struct folder *f, const char *name, mode_t mode, const char *text)
{
    AUTO_FD int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_ok(fd_write_all(fd, text, strlen(text)));
}

static int setup(void **state)
{
    static struct folder f;
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(f.path, sizeof(f.path), "%s/veronnx-tree-XXXXXX", tmp != NULL ? tmp : P_tmpdir);
    assert_non_null(mkdtemp(f.path));
    f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &f;
    assert_int_equal(mkdirat(f.fd, "b", 0700), 0);
    assert_int_equal(mkdirat(f.fd, "B", 0777), 0);
    make_file(&f, "b/run", 0700, "program");
    make_file(&f, "b.txt", 0604, "text");
    make_file(&f, "a", 0611, ""); /* others may execute it, its owner may not */
    assert_int_equal(symlinkat("../nowhere", f.fd, "b/link"), 0);
    return 0;
}

static int teardown(void **state)
{
    struct folder *f = *state;
    char command[512];
    fd_close(&f->fd);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
    return system(command);
}

static err_t collect(void *user, struct view bytes)
{
    return buf_put_view(user, bytes);
}

static err_t put_tree(const struct folder *f, struct buf *out, struct why *why)
{
    struct cpio_writer w = cpio_writer_on((struct cpio_sink){out, collect});
    TRY(cpio_put_tree(&w, f->fd, why));
    return cpio_put_end(&w);
}

static void entries(void **state)
{
    static const struct {
        const char *path;
        unsigned mode;
        const char *data;
    } wanted[] = {
        {"B", S_IFDIR | 0755, ""},
        {"a", S_IFREG | 0644, ""},
        {"b", S_IFDIR | 0755, ""},
        {"b/link", S_IFLNK | 0777, "../nowhere"},
        {"b/run", S_IFREG | 0755, "program"},
        {"b.txt", S_IFREG | 0644, "text"},
    };
    AUTO_BUF struct buf b = BUF_WITH(ROOM);
    struct cpio_entry e;
    bool more = false;
    assert_ok(put_tree(*state, &b, NULL));
    struct cpio_reader r = cpio_reader_on(buf_view(&b));
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        assert_ok(cpio_next(&r, &e, &more, NULL));
        assert_true(more && view_is(e.path, wanted[i].path) && view_is(e.data, wanted[i].data));
        assert_int_equal(e.mode, wanted[i].mode);
        assert_int_equal(e.ino, i + 1);
        assert_true(e.uid == 0 && e.gid == 0 && e.mtime == 0);
    }
    assert_ok(cpio_next(&r, &e, &more, NULL));
    assert_false(more);
}

static void no_memory(void **state)
{
    err_t e = ERR_NOMEM;
    long n = 0;
    for (; e == ERR_NOMEM; n++) {
        AUTO_BUF struct buf b = BUF_WITH(ROOM);
        int before[64], after[64];
        size_t open_before = fd_list(before, COUNT_OF(before));
        mem_fail_after(n);
        e = put_tree(*state, &b, NULL);
        mem_fail_after(-1);
        assert_int_equal(fd_list(after, COUNT_OF(after)), open_before);
    }
    assert_ok(e);
    assert_true(n > 5);
}

/* A file that somebody cuts or extends while it is read. */
struct meddler {
    const struct folder *folder;
    off_t size;
    struct buf out;
};

static err_t meddle(void *user, struct view bytes)
{
    struct meddler *m = user;
    AUTO_FD int fd = openat(m->folder->fd, "b.txt", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, m->size), 0);
    return buf_put_view(&m->out, bytes);
}

static void changing(void **state)
{
    static const off_t sizes[] = {0, 3, 5};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct meddler m = {*state, sizes[i], BUF_WITH(ROOM)};
        struct cpio_writer w = cpio_writer_on((struct cpio_sink){&m, meddle});
        struct why why = {""};
        AUTO_FD int fd = openat(m.folder->fd, "b.txt", O_RDWR | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, 4), 0);
        assert_err(cpio_put_open_file(&w, "b.txt", fd, &why), ERR_IO);
        assert_string_equal(why.text, "changed while it was read: b.txt");
        assert_int_equal(pwrite(fd, "text", 4, 0), 4);
        assert_int_equal(ftruncate(fd, 4), 0);
        buf_done(&m.out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(entries), cmocka_unit_test(no_memory),
                                       cmocka_unit_test(changing)};
    return cmocka_run_group_tests_name("eif tree", tests, setup, teardown);
}
