/* UnixFS messages. */
#include "ipld/unixfs.h"

#include "unit.h"

#define ROW(bytes) {bytes, sizeof(bytes) - 1}

static void reads_a_root_of_five(void **state UNUSED)
{
    /* the data of the node that multiblock.txt of the gateway's conformance suite has */
    struct view v = text_view("\x08\x02\x18\x82\x08\x20\x80\x02\x20\x80\x02\x20\x80\x02\x20\x80\x02\x20\x02");
    struct unixfs u;
    uint64_t size = 0;
    assert_ok(unixfs_parse(v, &u));
    assert_true(u.type == UNIXFS_FILE && u.filesize == 1026 && u.n_sizes == 5 && u.sizes_sum == 1026);
    for (int i = 0; i < 5; i++) {
        assert_ok(unixfs_take_size(&u.sizes, &size));
        assert_int_equal(size, i < 4 ? 256 : 2);
    }
    assert_int_equal(u.sizes.len, 0);
}

static void reads_every_type(void **state UNUSED)
{
    for (uint8_t type = UNIXFS_RAW; type <= UNIXFS_HAMT; type++) {
        const uint8_t bytes[] = {0x08, type};
        struct unixfs u;
        assert_ok(unixfs_parse(view_of(bytes, sizeof(bytes)), &u));
        assert_int_equal(u.type, type);
    }
}

static void accepts(void **state UNUSED)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        ROW("\x08\x02\x12\x00\x18\x00"),                                              /* empty data */
        ROW("\x08\x02\x38\xa4\x03\x42\x02\x08\x01"),                                  /* mode 0644, mtime in seconds */
        ROW("\x08\x02\x42\x07\x08\x01\x15\xff\xc9\x9a\x3b"),                          /* with 999,999,999 ns */
        ROW("\x08\x02\x42\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),          /* a second before 1970 */
        ROW("\x08\x05\x12\x01\x01\x28\x22\x30\x80\x02"),                              /* HAMT shard */
        ROW("\x08\x04\x12\x03" "foo"),                                                /* symlink */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct unixfs u;
        assert_ok(unixfs_parse(view_of(rows[i].bytes, rows[i].len), &u));
    }
}

static void refuses(void **state UNUSED)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        ROW(""),                                         /* no type */
        ROW("\x18\x01"),                                 /* no type */
        ROW("\x12\x01x\x08\x02"),                        /* type not first */
        ROW("\x08\x06"),                                 /* unknown type */
        ROW("\x08\x63"),                                 /* unknown type */
        ROW("\x08\x82\x80\x80\x80\x80\x01"),             /* 2^35 + 2, which 32 bits would take for 2 */
        ROW("\x0a\x01\x02"),                             /* type as bytes */
        ROW("\x08\x01\x08\x02"),                         /* twice */
        ROW("\x08\x02\x12\x01x\x12\x01x"),               /* data twice */
        ROW("\x08\x02\x18\x01\x18\x01"),                 /* filesize twice */
        ROW("\x08\x02\x18\x01\x12\x01x"),                /* order */
        ROW("\x08\x02\x20\x01\x18\x01"),                 /* order */
        ROW("\x08\x02\x20\x01\x12\x01x\x20\x01"),        /* sizes in two runs */
        ROW("\x08\x02\x18\x02\x22\x02\x01\x01"),         /* packed sizes */
        ROW("\x08\x02\x30\x80\x02"),                     /* fanout in a file */
        ROW("\x08\x02\x28\x22"),                         /* hashType in a file */
        ROW("\x08\x02\x38\x80\x80\x80\x80\x10"),         /* mode of 33 bits */
        ROW("\x08\x02\x42\x00"),                         /* mtime without seconds */
        ROW("\x08\x02\x42\x05\x15\x01\x00\x00\x00"),     /* nanoseconds alone */
        ROW("\x08\x02\x42\x07\x08\x01\x15\x00\x00\x00\x00"),         /* 0 ns */
        ROW("\x08\x02\x42\x07\x08\x01\x15\x00\xca\x9a\x3b"),         /* 10^9 ns */
        ROW("\x08\x02\x42\x04\x08\x01\x08\x01"),         /* seconds twice */
        ROW("\x08\x02\x42\x09\x08\x01\x15\x01\x00\x00\x00\x18\x01"), /* a third field */
        ROW("\x08\x02\x7a\x01x"),                        /* unknown field */
        ROW("\x08\x02\x18"),                             /* cut */
        ROW("\x08\x02\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20\x01"), /* sizes add up to 2^64 */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct unixfs u = {.n_sizes = 99};
        assert_err(unixfs_parse(view_of(rows[i].bytes, rows[i].len), &u), ERR_DAG_MALFORMED);
        assert_int_equal(u.n_sizes, 99);
    }
}

static void writes_kubos_bytes(void **state UNUSED)
{
    AUTO_BUF struct buf b = {.max = KIB}, sizes = {.max = KIB};
    assert_ok(unixfs_put(&b, &(struct unixfs){.type = UNIXFS_FILE}));
    assert_true(view_equal(buf_view(&b), view_of("\x08\x02\x18\x00", 4)));
    buf_clear(&b);
    assert_ok(unixfs_put(&b, &(struct unixfs){.type = UNIXFS_FILE, .data = text_view("hi"), .filesize = 2}));
    assert_true(view_is(buf_view(&b), "\x08\x02\x12\x02hi\x18\x02"));
    buf_clear(&b);
    assert_ok(unixfs_put_size(&sizes, 256));
    assert_ok(unixfs_put_size(&sizes, 2));
    assert_ok(unixfs_put(&b, &(struct unixfs){.type = UNIXFS_FILE, .filesize = 258, .sizes = buf_view(&sizes)}));
    assert_true(view_is(buf_view(&b), "\x08\x02\x18\x82\x02\x20\x80\x02\x20\x02"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_root_of_five), cmocka_unit_test(reads_every_type), cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),              cmocka_unit_test(writes_kubos_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
