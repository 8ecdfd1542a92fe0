/* The shared vectors of enclave images: which are taken, with which registers, and which rule the others break. Skipped
   when they are not there. */
#include "base/text.h"
#include "eif/eif.h"
#include "unit.h"

#define ROOM    (16 * KIB)

static const struct vector {
    const char *name;
    const char *rule; /* that it breaks; NULL: it is taken */
} vectors[] = {
    {"ok-1ramdisk", NULL},
    {"ok-2ramdisk-awscli-order", NULL},
    {"ok-3ramdisk-meta-last", NULL},
    {"ok-cmdline-first", NULL},
    {"ok-signed-es384", NULL},
    {"ok-boundary-shift-a", NULL},
    {"ok-boundary-shift-b", NULL},
    {"ok-empty-ramdisk0", NULL},
    {"ok-gap64", NULL},
    {"ok-flags-aarch64", NULL},
    {"ok-v3-no-metadata", NULL},
    {"bad-v4-no-metadata", "missing"},
    {"bad-magic", "magic"},
    {"bad-crc", "crc"},
    {"bad-version0", "version"},
    {"bad-version5", "version"},
    {"bad-two-kernels", "twice"},
    {"bad-two-cmdlines", "twice"},
    {"bad-no-kernel", "missing"},
    {"bad-no-cmdline", "missing"},
    {"bad-no-ramdisk", "missing"},
    {"bad-ramdisk-before-kernel", "order"},
    {"bad-section-type0", "type"},
    {"bad-section-type6", "type"},
    {"bad-num-sections-33", "count"},
    {"bad-num-sections-0", "count"},
    {"bad-size-table-mismatch", "size"},
    {"bad-section-header-size-huge", "size"},
    {"bad-offset-in-header", "offset"},
    {"bad-offset-past-eof", "cut"},
    {"bad-overlapping-sections", "offset"},
    {"bad-section-flags", "section-flags"},
    {"bad-truncated", "crc"},
    {"bad-trailing", "crc"},
    {"bad-short-header", "short"},
    {"bad-signature-wrong-pcr0", "signature"},
    {"bad-signature-garbage", "signature"},
};

static bool read_file(const char *name, const char *ending, struct buf *ret)
{
    const char *dir = getenv("VERONNX_VECTORS");
    char path[1024];
    uint8_t *room = NULL;
    int n = snprintf(path, sizeof(path), "%s/nitro/eif/%s%s", dir != NULL ? dir : "../shared/vectors", name, ending);
    assert_true(n > 0 && (size_t)n < sizeof(path));
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    buf_init(ret, ROOM + 1); /* and a NUL, for text */
    assert_ok(buf_reserve(ret, ROOM, &room));
    buf_commit(ret, fread(room, 1, ROOM, file));
    assert_int_equal(fclose(file), 0);
    return true;
}

static void expect_register(const char *registers, const char *name, const uint8_t pcr[static PCR_LEN])
{
    char line[128], digits[HEX_LEN(PCR_LEN) + 1];
    hex_encode(pcr, PCR_LEN, digits);
    (void)snprintf(line, sizeof(line), "\"%s\": \"%s\"", name, digits);
    const char *found = strstr(registers, line), *end = strchr(registers, '}');
    assert_true(found != NULL && found < end);
}

static void expect_taken(const char *name, struct view file, const char *expected)
{
    char key[64];
    struct eif e;
    struct why why = {""};
    if (eif_read(file, &e, &why) != OK)
        fail_msg("%s: %s", name, why.text);
    (void)snprintf(key, sizeof(key), "\"%s\": {", name);
    const char *registers = strstr(expected, key);
    assert_non_null(registers);
    expect_register(registers, "PCR0", e.pcr[0]);
    expect_register(registers, "PCR1", e.pcr[1]);
    expect_register(registers, "PCR2", e.pcr[2]);
    const char *pcr8 = strstr(registers, "PCR8");
    assert_int_equal(e.is_signed, pcr8 != NULL && pcr8 < strchr(registers, '}'));
    if (e.is_signed)
        expect_register(registers, "PCR8", e.signature.pcr8);
    assert_int_equal(e.arch, strstr(name, "aarch64") != NULL ? EIF_AARCH64 : EIF_X86_64);
    assert_int_equal(e.version, strstr(name, "v3") != NULL ? 3 : 4);
}

static void expect_refused(const char *name, struct view file, const char *rule)
{
    struct eif e;
    struct why why = {""};
    err_t code = strcmp(rule, "signature") == 0 ? ERR_EIF_SIGNATURE : ERR_EIF_MALFORMED;
    assert_err(eif_read(file, &e, &why), code);
    if (strncmp(why.text, rule, strlen(rule)) != 0 || why.text[strlen(rule)] != ':')
        fail_msg("%s: expected %s, got %s", name, rule, why.text);
}

static void verdicts(void **state UNUSED)
{
    AUTO_BUF struct buf expected = {0};
    assert_true(read_file("expected-pcrs", ".json", &expected));
    assert_ok(buf_put_u8(&expected, 0));
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        AUTO_BUF struct buf file = {0};
        if (!read_file(vectors[i].name, ".eif", &file))
            fail_msg("%s is missing", vectors[i].name);
        if (vectors[i].rule == NULL)
            expect_taken(vectors[i].name, buf_view(&file), (const char *)expected.data);
        else
            expect_refused(vectors[i].name, buf_view(&file), vectors[i].rule);
    }
}

/* A good one is refused after any change of a byte. */
static void flipped(void **state UNUSED)
{
    AUTO_BUF struct buf file = {0};
    struct eif e;
    assert_true(read_file("ok-signed-es384", ".eif", &file));
    for (size_t i = 0; i < file.len; i++) {
        file.data[i] ^= (uint8_t)(1 << i % 8);
        assert_int_not_equal(eif_read(buf_view(&file), &e, NULL), OK);
        file.data[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t n = 0; n < file.len; n++)
        assert_int_not_equal(eif_read(view_of(file.data, n), &e, NULL), OK);
    assert_ok(eif_read(buf_view(&file), &e, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(verdicts), cmocka_unit_test(flipped)};
    AUTO_BUF struct buf b = {0};
    if (!read_file("expected-pcrs", ".json", &b)) {
        printf("skipped: no vectors\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests_name("eif vectors", tests, NULL, NULL);
}
