/* Enclave images: each rule broken by itself, under a CRC that is right, and what the writer makes read again. */
#include "base/fd.h"
#include "eif/crc32.h"
#include "eif/eif.h"
#include "unit.h"

#include <unistd.h>

#define ROOM 4096

/* Places of the header. */
enum { VERSION = 4, FLAGS = 6, RESERVED = 24, COUNT = 26, OFFSETS = 28, SIZES = 284, UNUSED_FIELD = 540, CRC = 544 };

static void set_be(uint8_t *at, uint64_t value, size_t n)
{
    for (; n > 0; n--, value >>= 8)
        at[n - 1] = (uint8_t)value;
}

struct part {
    unsigned type;
    const char *data;
};

static const struct part usual[] = {{1, "kernel"}, {2, "cmdline"}, {5, "{}"}, {3, "disk0"}, {3, "disk1"}};

static void put_parts(struct buf *b, const struct part *parts, size_t n)
{
    uint8_t *head = NULL;
    assert_ok(buf_reserve(b, EIF_HEADER_LEN, &head));
    memset(head, 0, EIF_HEADER_LEN);
    memcpy(head, ".eif", 4);
    set_be(head + VERSION, 4, 2);
    set_be(head + COUNT, n, 2);
    buf_commit(b, EIF_HEADER_LEN);
    for (size_t i = 0; i < n; i++) {
        uint8_t section[EIF_SECTION_HEAD_LEN] = {0};
        set_be(b->data + OFFSETS + 8 * i, b->len, 8);
        set_be(b->data + SIZES + 8 * i, strlen(parts[i].data), 8);
        set_be(section, parts[i].type, 2);
        set_be(section + 4, strlen(parts[i].data), 8);
        assert_ok(buf_put(b, section, sizeof(section)));
        assert_ok(buf_put_text(b, parts[i].data));
    }
}

static void set_crc(struct buf *b)
{
    uint32_t crc = crc32_more(0, view_of(b->data, CRC));
    set_be(b->data + CRC, crc32_more(crc, view_of(b->data + EIF_HEADER_LEN, b->len - EIF_HEADER_LEN)), 4);
}

static void expect(struct buf *b, const char *rule)
{
    struct eif e;
    struct why why = {""};
    set_crc(b);
    assert_err(eif_read(buf_view(b), &e, &why), rule == NULL ? OK : ERR_EIF_MALFORMED);
    if (rule != NULL && (strncmp(why.text, rule, strlen(rule)) != 0 || why.text[strlen(rule)] != ':'))
        fail_msg("expected %s, got %s", rule, why.text);
}

/* ── bytes ── */

enum { FIRST = EIF_HEADER_LEN, SECOND = FIRST + 12 + 6, LAST = 4 };

static void bytes(void **state UNUSED)
{
    static const struct {
        size_t at;
        size_t n;
        uint64_t value;
        const char *rule;
    } table[] = {
        {0, 1, 'e', "magic"},
        {VERSION, 2, 0, "version"},
        {VERSION, 2, 1, "version"},
        {VERSION, 2, 5, "version"},
        {VERSION, 2, 0x0400, "version"},
        {VERSION, 2, 3, "type"}, /* metadata came with 4 */
        {FLAGS, 2, 1, NULL},
        {FLAGS, 2, 2, "flags"},
        {FLAGS, 2, 0x40, "flags"},
        {FLAGS, 2, 0x200, "flags"},
        {8, 8, UINT64_MAX, NULL}, /* default memory and CPUs are not looked at */
        {16, 8, UINT64_MAX, NULL},
        {RESERVED, 2, 1, "reserved"},
        {UNUSED_FIELD, 4, 1, "reserved"},
        {COUNT, 2, 0, "count"},
        {COUNT, 2, 1, "count"},
        {COUNT, 2, 33, "count"},
        {COUNT, 2, 0x0500, "count"},
        {COUNT, 2, 4, "table"},
        {COUNT, 2, 6, "offset"}, /* a row of zeros */
        {OFFSETS + 8 * 31, 8, 1, "table"},
        {SIZES + 8 * 5, 8, 1, "table"},
        {OFFSETS, 8, 0, "offset"},
        {OFFSETS, 8, EIF_HEADER_LEN - 1, "offset"},
        {OFFSETS + 8, 8, SECOND - 1, "offset"},
        {OFFSETS + 8, 8, FIRST, "offset"},
        {OFFSETS + 8 * LAST, 8, UINT64_MAX, "cut"},
        {OFFSETS + 8 * LAST, 8, INT64_MAX, "cut"},
        {OFFSETS + 8 * LAST, 8, 700, "cut"},
        {SIZES, 8, 7, "size"},
        {SIZES, 8, UINT64_MAX, "size"},
        {FIRST + 4, 8, 7, "size"},
        {FIRST + 4, 8, UINT64_MAX, "size"},
        {FIRST + 2, 2, 1, "section-flags"},
        {FIRST, 2, 0, "type"},
        {FIRST, 2, 6, "type"},
        {FIRST, 2, 0x0100, "type"},
        {SECOND, 2, 1, "twice"},
        {SECOND, 2, 5, "missing"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        AUTO_BUF struct buf b = BUF_WITH(ROOM);
        put_parts(&b, usual, COUNT_OF(usual));
        set_be(b.data + table[i].at, table[i].value, table[i].n);
        expect(&b, table[i].rule);
    }
}

/* Sizes that both places agree on and the file does not have. */
static void beyond_the_end(void **state UNUSED)
{
    static const uint64_t sizes[] = {6, UINT64_MAX, UINT64_MAX - 11, INT64_MAX, (uint64_t)INT64_MAX + 1};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        AUTO_BUF struct buf b = BUF_WITH(ROOM);
        put_parts(&b, usual, COUNT_OF(usual));
        set_be(b.data + SIZES + 8 * LAST, sizes[i], 8);
        set_be(b.data + b.len - 5 - 8, sizes[i], 8);
        expect(&b, "cut");
    }
}

static void short_file(void **state UNUSED)
{
    AUTO_BUF struct buf b = BUF_WITH(ROOM);
    struct eif e;
    struct why why = {""};
    put_parts(&b, usual, COUNT_OF(usual));
    set_crc(&b);
    for (size_t n = 0; n < EIF_HEADER_LEN; n++) {
        assert_err(eif_read(view_of(b.data, n), &e, &why), ERR_EIF_MALFORMED);
        assert_memory_equal(why.text, "short:", 6);
    }
    for (size_t n = EIF_HEADER_LEN; n < b.len; n++) {
        assert_err(eif_read(view_of(b.data, n), &e, &why), ERR_EIF_MALFORMED);
        assert_memory_equal(why.text, "crc:", 4);
    }
    assert_ok(eif_read(buf_view(&b), &e, &why));
    b.data[CRC] ^= 1;
    assert_err(eif_read(buf_view(&b), &e, &why), ERR_EIF_MALFORMED);
    assert_memory_equal(why.text, "crc:", 4);
}

/* ── sections ── */

static void layouts(void **state UNUSED)
{
    static const struct {
        unsigned version;
        unsigned types[8]; /* to the first 0 */
        const char *rule;
    } table[] = {
        {4, {1, 2, 5, 3}, NULL},
        {4, {2, 1, 3, 5}, NULL},
        {4, {5, 1, 3, 2, 3, 3}, NULL},
        {3, {1, 2, 3}, NULL},
        {2, {1, 2, 3}, NULL},
        {4, {1, 2, 3}, "missing"},
        {4, {1, 2, 5}, "missing"},
        {4, {2, 5, 3}, "missing"},
        {4, {1, 5, 3}, "missing"},
        {4, {1, 1, 2, 5, 3}, "twice"},
        {4, {1, 2, 2, 5, 3}, "twice"},
        {4, {1, 2, 5, 5, 3}, "twice"},
        {4, {1, 2, 5, 3, 4, 4}, "twice"},
        {4, {3, 1, 2, 5}, "order"},
        {4, {2, 3, 1, 3, 5}, "order"},
        {3, {1, 2, 3, 5}, "type"},
        {2, {1, 2, 3, 4}, "type"},
        {2, {1, 2, 3, 5}, "type"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        AUTO_BUF struct buf b = BUF_WITH(ROOM);
        struct part parts[8];
        size_t n = 0;
        for (; table[i].types[n] != 0; n++)
            parts[n] = (struct part){table[i].types[n], "data"};
        put_parts(&b, parts, n);
        set_be(b.data + VERSION, table[i].version, 2);
        expect(&b, table[i].rule);
    }
}

static void gaps(void **state UNUSED)
{
    AUTO_BUF struct buf b = BUF_WITH(ROOM);
    struct eif plain, gapped;
    put_parts(&b, usual, COUNT_OF(usual));
    set_crc(&b);
    assert_ok(eif_read(buf_view(&b), &plain, NULL));
    assert_ok(buf_put_text(&b, "abc"));
    expect(&b, "trailing");
    memmove(b.data + SECOND + 3, b.data + SECOND, b.len - 3 - SECOND);
    for (size_t i = 1; i < COUNT_OF(usual); i++)
        set_be(b.data + OFFSETS + 8 * i, plain.sections[i].offset + 3, 8);
    expect(&b, NULL);
    assert_ok(eif_read(buf_view(&b), &gapped, NULL));
    assert_memory_equal(plain.pcr, gapped.pcr, sizeof(plain.pcr));
}

/* SHA-384(48 zeros ‖ SHA-384(what is covered)), as Python's hashlib has it. */
static void registers(void **state UNUSED)
{
    static const char *const covered[EIF_PCRS] = {"kernelcmdlinedisk0disk1", "kernelcmdlinedisk0", "disk1"};
    AUTO_BUF struct buf b = BUF_WITH(ROOM);
    struct eif e;
    put_parts(&b, usual, COUNT_OF(usual));
    set_crc(&b);
    assert_ok(eif_read(buf_view(&b), &e, NULL));
    for (size_t i = 0; i < EIF_PCRS; i++) {
        uint8_t inner[SHA384_LEN], outer[SHA384_LEN];
        static const uint8_t zeros[SHA384_LEN];
        const struct view text = text_view(covered[i]);
        const struct view parts[] = {view_of(zeros, sizeof(zeros)), view_of(inner, sizeof(inner))};
        assert_ok(sha384_of(&text, 1, inner));
        assert_ok(sha384_of(parts, 2, outer));
        assert_memory_equal(e.pcr[i], outer, sizeof(outer));
    }
    assert_false(e.is_signed);
}

/* ── the writer ── */

static int temporary(void)
{
    int fd = -1;
    assert_ok(memfd_new("image", 0, &fd));
    return fd;
}

static void written(void **state UNUSED)
{
    AUTO_BUF struct buf b = BUF_WITH(ROOM);
    uint8_t file[ROOM];
    int fd = temporary();
    struct eif_writer w = eif_writer_on(fd);
    for (size_t i = 0; i < COUNT_OF(usual); i++)
        assert_ok(eif_put_section(&w, (enum eif_type)usual[i].type, text_view(usual[i].data)));
    assert_ok(eif_finish(&w, EIF_X86_64));
    put_parts(&b, usual, COUNT_OF(usual));
    set_be(b.data + 8, UINT64_C(1) << 30, 8);
    set_be(b.data + 16, 2, 8);
    set_crc(&b);
    assert_int_equal(pread(fd, file, sizeof(file), 0), b.len);
    assert_memory_equal(file, b.data, b.len);
    (void)close(fd);
}

static void pieces(void **state UNUSED)
{
    uint8_t file[ROOM];
    struct eif e;
    int fd = temporary();
    struct eif_writer w = eif_writer_on(fd);
    assert_ok(eif_begin_section(&w));
    assert_ok(eif_put(&w, text_view("ker")));
    assert_ok(eif_put(&w, text_view("nel")));
    assert_ok(eif_end_section(&w, EIF_KERNEL));
    assert_ok(eif_put_section(&w, EIF_CMDLINE, text_view("c")));
    assert_ok(eif_put_section(&w, EIF_METADATA, text_view("")));
    for (unsigned i = 3; i < EIF_SECTIONS_MAX; i++)
        assert_ok(eif_put_section(&w, EIF_RAMDISK, text_view("r")));
    assert_err(eif_begin_section(&w), ERR_TOO_LARGE);
    assert_ok(eif_finish(&w, EIF_AARCH64));
    ssize_t n = pread(fd, file, sizeof(file), 0);
    assert_ok(eif_read(view_of(file, (size_t)n), &e, NULL));
    assert_true(e.arch == EIF_AARCH64 && e.n_sections == EIF_SECTIONS_MAX && view_is(e.sections[0].data, "kernel"));
    assert_ptr_equal(eif_find(&e, EIF_RAMDISK), &e.sections[3]);
    assert_null(eif_find(&e, EIF_SIGNATURE));
    (void)close(fd);
}

static void no_memory(void **state UNUSED)
{
    int fd = temporary();
    struct eif_writer w = eif_writer_on(fd);
    assert_ok(eif_put_section(&w, EIF_KERNEL, text_view("kernel")));
    mem_fail_after(0);
    assert_err(eif_finish(&w, EIF_X86_64), ERR_NOMEM);
    mem_fail_after(-1);
    assert_ok(eif_finish(&w, EIF_X86_64));
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),   cmocka_unit_test(beyond_the_end), cmocka_unit_test(short_file),
        cmocka_unit_test(layouts), cmocka_unit_test(gaps),           cmocka_unit_test(registers),
        cmocka_unit_test(written), cmocka_unit_test(pieces),         cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests_name("eif", tests, NULL, NULL);
}
