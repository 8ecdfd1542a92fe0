/* Archives: written and read back, byte for byte as the format says, and everything that is not of it refused. */
#include "eif/cpio.h"
#include "unit.h"

#include <sys/stat.h>

#define ROOM 8192

static err_t collect(void *user, struct view bytes)
{
    return buf_put_view(user, bytes);
}

/* One entry by hand: thirteen numbers, the name with its NUL, the data, both padded. */
static void put_entry(struct buf *b, const char *name, unsigned mode, const char *data)
{
    static const uint8_t zeros[4];
    assert_ok(buf_printf(b, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 7, mode, 1, 2, 3, 4,
                         strlen(data), 0, 0, 5, 6, strlen(name) + 1, 0));
    assert_ok(buf_put(b, name, strlen(name) + 1));
    assert_ok(buf_put(b, zeros, -b->len % 4));
    assert_ok(buf_put_text(b, data));
    assert_ok(buf_put(b, zeros, -b->len % 4));
}

/* Reads to the end; how many entries there were. */
static err_t read_all(struct view bytes, size_t *ret_n)
{
    struct cpio_reader r = cpio_reader_on(bytes);
    struct cpio_entry e;
    struct why why = {""};
    bool more = true;
    for (*ret_n = 0;; (*ret_n)++) {
        err_t result = cpio_next(&r, &e, &more, &why);
        if (result != OK) {
            assert_memory_equal(why.text, "cpio: ", 6);
            return result;
        }
        if (!more)
            return OK;
    }
}

static void expect_entry(struct cpio_reader *r, const char *path, unsigned mode, const char *data)
{
    struct cpio_entry e;
    bool more = false;
    assert_ok(cpio_next(r, &e, &more, NULL));
    assert_true(more && view_is(e.path, path) && view_is(e.data, data));
    assert_int_equal(e.mode, mode);
}

static void written(void **state UNUSED)
{
    AUTO_BUF struct buf b = BUF_WITH(ROOM);
    struct cpio_writer w = cpio_writer_on((struct cpio_sink){&b, collect});
    struct cpio_entry e;
    bool more = true;
    assert_ok(cpio_put_directory(&w, "d"));
    assert_ok(cpio_begin_file(&w, "d/f", true, 5));
    assert_ok(cpio_put_data(&w, text_view("he")));
    assert_ok(cpio_put_data(&w, text_view("llo")));
    assert_ok(cpio_begin_file(&w, "d/g", false, 0));
    assert_ok(cpio_put_symlink(&w, "l", text_view("d/f")));
    assert_ok(cpio_put_char_device(&w, "c", 5, 1));
    assert_ok(cpio_put_end(&w));
    assert_int_equal(b.len % 4, 0);

    struct cpio_reader r = cpio_reader_on(buf_view(&b));
    expect_entry(&r, "d", S_IFDIR | 0755, "");
    expect_entry(&r, "d/f", S_IFREG | 0755, "hello");
    expect_entry(&r, "d/g", S_IFREG | 0644, "");
    expect_entry(&r, "l", S_IFLNK | 0777, "d/f");
    assert_ok(cpio_next(&r, &e, &more, NULL));
    assert_true(more && e.mode == (S_IFCHR | 0600) && e.device_major == 5 && e.device_minor == 1 && e.ino == 5);
    assert_true(e.uid == 0 && e.gid == 0 && e.mtime == 0 && e.nlink == 1);
    assert_ok(cpio_next(&r, &e, &more, NULL));
    assert_false(more);
}

/* The first entry of `echo -n hello > f; echo f | cpio -o -H newc`, numbers of this host taken out. */
static void exact(void **state UNUSED)
{
    static const char wanted[] =
        "07070100000001000081A400000000000000000000000100000000000000050000000000000000000000000000"
        "00000000000200000000f\0hello\0\0\0";
    AUTO_BUF struct buf b = BUF_WITH(ROOM);
    struct cpio_writer w = cpio_writer_on((struct cpio_sink){&b, collect});
    assert_ok(cpio_begin_file(&w, "f", false, 5));
    assert_ok(cpio_put_data(&w, text_view("hello")));
    assert_int_equal(b.len, sizeof(wanted) - 1);
    assert_memory_equal(b.data, wanted, b.len);
}

static void too_large(void **state UNUSED)
{
    AUTO_BUF struct buf b = BUF_WITH(2 * ROOM);
    struct cpio_writer w = cpio_writer_on((struct cpio_sink){&b, collect});
    char name[CPIO_NAME_MAX + 1];
    memset(name, 'n', sizeof(name));
    name[CPIO_NAME_MAX] = '\0';
    assert_err(cpio_put_directory(&w, name), ERR_TOO_LARGE);
    assert_err(cpio_put_symlink(&w, "l", view_of(name, CPIO_NAME_MAX)), ERR_TOO_LARGE);
    assert_err(cpio_begin_file(&w, "f", false, UINT64_C(1) << 32), ERR_TOO_LARGE);
    assert_int_equal(b.len, 0);
    name[CPIO_NAME_MAX - 1] = '\0';
    assert_ok(cpio_put_directory(&w, name));
    b.max = b.len;
    assert_err(cpio_put_directory(&w, "d"), ERR_TOO_LARGE); /* the sink's */
}

static void fields(void **state UNUSED)
{
    AUTO_BUF struct buf b = BUF_WITH(ROOM);
    struct cpio_entry e;
    bool more = false;
    put_entry(&b, "./x", S_IFBLK | 0640, "");
    struct cpio_reader r = cpio_reader_on(buf_view(&b));
    assert_ok(cpio_next(&r, &e, &more, NULL));
    assert_true(e.ino == 7 && e.uid == 1 && e.gid == 2 && e.nlink == 3 && e.mtime == 4);
    assert_true(e.device_major == 5 && e.device_minor == 6 && e.archive == 0);
}

static void names(void **state UNUSED)
{
    static const struct {
        const char *name;
        const char *path; /* NULL: refused */
    } table[] = {
        {"a", "a"},     {"a/b", "a/b"}, {"./a", "a"},    {"/a", "a"},   {".//./a", "a"}, {".", ""},      {"/", ""},
        {"..a", "..a"}, {".a", ".a"},   {"a..", "a.."},  {"", NULL},    {"..", NULL},    {"../a", NULL}, {"a/..", NULL},
        {"a//b", NULL}, {"a/", NULL},   {"a/./b", NULL}, {"a/.", NULL}, {"./..", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        AUTO_BUF struct buf b = BUF_WITH(ROOM);
        struct cpio_entry e;
        bool more = false;
        put_entry(&b, table[i].name, S_IFREG | 0644, "data");
        struct cpio_reader r = cpio_reader_on(buf_view(&b));
        assert_err(cpio_next(&r, &e, &more, NULL), table[i].path != NULL ? OK : ERR_CPIO_MALFORMED);
        assert_true(table[i].path == NULL || view_is(e.path, table[i].path));
    }
}

/* One good file and a trailer, with some bytes at some place replaced. */
static void spoiled(void **state UNUSED)
{
    enum { NAME = 110, TRAILER = 120 };
    static const struct {
        size_t at;
        const char *bytes;
        size_t n;
    } table[] = {
        {0, "070702", 6},              /* with checksums */
        {0, "070707", 6},              /* the portable form */
        {0, "\037\213\010", 3},        /* compressed */
        {6, "0000000g", 8},            /* no digits */
        {14, "000061A4", 8},           /* data of a block device */
        {14, "000041A4", 8},           /* data of a directory */
        {14, "000181A4", 8},           /* bits above */
        {14, "000031A4", 8},           /* no type */
        {54, "00000003", 8},           /* padding that is not zero */
        {54, "00000F00", 8},           /* longer than all */
        {94, "00000001", 8},           /* a name without NUL */
        {94, "00000000", 8},           /* none at all */
        {94, "00001001", 8},           /* too long */
        {102, "00000001", 8},          /* a checksum */
        {NAME, "\0", 1},               /* an empty name */
        {NAME + 1, "x", 1},            /* no NUL */
        {NAME + 5 + 4, "x", 1},        /* padding behind the data */
        {TRAILER + 54, "00000001", 8}, /* a trailer with data */
        {TRAILER + NAME, "X", 1},      /* no trailer */
    };
    AUTO_BUF struct buf good = BUF_WITH(ROOM);
    size_t n = 0;
    put_entry(&good, "f", S_IFREG | 0644, "hello");
    put_entry(&good, CPIO_TRAILER, 0, "");
    assert_ok(read_all(buf_view(&good), &n));
    assert_int_equal(n, 1);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        AUTO_MEM uint8_t *bytes = mem_copy(good.data, good.len);
        memcpy(bytes + table[i].at, table[i].bytes, table[i].n);
        if (read_all(view_of(bytes, good.len), &n) != ERR_CPIO_MALFORMED)
            fail_msg("row %zu", i);
    }
    for (size_t len = 1; len < good.len; len++)
        assert_err(read_all(view_of(good.data, len), &n), ERR_CPIO_MALFORMED);
}

/* After the trailer: nothing, zeros, another archive; and nothing else. */
static void several(void **state UNUSED)
{
    static const uint8_t zeros[512];
    AUTO_BUF struct buf b = BUF_WITH(ROOM);
    struct cpio_entry e;
    bool more = false;
    size_t n = 0;
    assert_ok(read_all(view_of(NULL, 0), &n));
    assert_ok(read_all(view_of(zeros, 7), &n));
    assert_int_equal(n, 0);
    put_entry(&b, "f", S_IFREG | 0644, "hello");
    put_entry(&b, CPIO_TRAILER, 0, "");
    assert_ok(buf_put(&b, zeros, sizeof(zeros)));
    put_entry(&b, "g", S_IFREG | 0644, "hello");
    put_entry(&b, CPIO_TRAILER, 0, "");
    assert_ok(read_all(buf_view(&b), &n));
    assert_int_equal(n, 2);
    struct cpio_reader r = cpio_reader_on(buf_view(&b));
    expect_entry(&r, "f", S_IFREG | 0644, "hello");
    assert_ok(cpio_next(&r, &e, &more, NULL));
    assert_int_equal(e.archive, 1);
    assert_ok(buf_put(&b, zeros, 2));
    assert_ok(read_all(buf_view(&b), &n));
    put_entry(&b, CPIO_TRAILER, 0, ""); /* two bytes further than an archive may begin */
    assert_err(read_all(buf_view(&b), &n), ERR_CPIO_MALFORMED);
    b.len = 0;
    put_entry(&b, CPIO_TRAILER, 0, "");
    assert_ok(buf_put_text(&b, "\037\213\010\010"));
    assert_err(read_all(buf_view(&b), &n), ERR_CPIO_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written), cmocka_unit_test(exact),   cmocka_unit_test(too_large), cmocka_unit_test(fields),
        cmocka_unit_test(names),   cmocka_unit_test(spoiled), cmocka_unit_test(several),
    };
    return cmocka_run_group_tests_name("eif cpio", tests, NULL, NULL);
}
