/* Headers of kernels, written by hand. */
#include "eif/kernel.h"
#include "eif/metadata.h"
#include "unit.h"

#define SIZE 2048

/* A bzImage of one setup sector and 64 paragraphs: 1024 + 1024 bytes. */
static void make_bzimage(uint8_t file[static SIZE], const char *release)
{
    memset(file, 0, SIZE);
    file[0x1F1] = 1;
    file[0x1F4] = 64;
    file[0x1FE] = 0x55;
    file[0x1FF] = 0xAA;
    memcpy(file + 0x202, "HdrS", 4);
    file[0x20E] = 0x00; /* 0x0100 and 0x200 */
    file[0x20F] = 0x01;
    memcpy(file + 0x300, release, strlen(release));
}

static void bzimage(void **state UNUSED)
{
    uint8_t file[SIZE];
    struct kernel k;
    make_bzimage(file, "6.12.9-x+deb13_~1 (a@b) #1 SMP");
    assert_ok(kernel_read(view_of(file, sizeof(file)), &k, NULL));
    assert_int_equal(k.arch, EIF_X86_64);
    assert_int_equal(k.size, 2048);
    assert_true(view_is(k.release, "6.12.9-x+deb13_~1"));
    file[0x1F1] = 0; /* means 4 */
    assert_ok(kernel_read(view_of(file, sizeof(file)), &k, NULL));
    assert_int_equal(k.size, 5 * 512 + 1024);
    file[0x20E] = file[0x20F] = 0;
    assert_ok(kernel_read(view_of(file, sizeof(file)), &k, NULL));
    assert_int_equal(k.release.len, 0);
    file[0x20E] = file[0x20F] = 0xFF; /* behind the end */
    assert_ok(kernel_read(view_of(file, sizeof(file)), &k, NULL));
    assert_int_equal(k.release.len, 0);
}

/* What would not be one word of JSON is no release. */
static void releases(void **state UNUSED)
{
    static const char *const refused[] = {"6.12\"x y", "6.12\\ y", "", "6.12\n",
                                          "0123456789012345678901234567890123456789012345678901234567890123456789 y"};
    uint8_t file[SIZE];
    struct kernel k;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        make_bzimage(file, refused[i]);
        assert_ok(kernel_read(view_of(file, sizeof(file)), &k, NULL));
        assert_int_equal(k.release.len, 0);
    }
    make_bzimage(file, "6.12.9");
    assert_ok(kernel_read(view_of(file, 0x306), &k, NULL)); /* the file ends in it */
    assert_int_equal(k.release.len, 0);
}

static void image(void **state UNUSED)
{
    uint8_t file[64] = {0};
    struct kernel k;
    memcpy(file + 56, "ARM\x64", 4);
    assert_err(kernel_read(view_of(file, sizeof(file)), &k, NULL), ERR_KERNEL_FORMAT); /* text offset 0 */
    file[10] = 0x20;
    assert_ok(kernel_read(view_of(file, sizeof(file)), &k, NULL));
    assert_true(k.arch == EIF_AARCH64 && k.size == 0 && k.release.len == 0);
}

static void others(void **state UNUSED)
{
    uint8_t file[SIZE];
    struct kernel k;
    struct why why = {""};
    make_bzimage(file, "6");
    for (size_t n = 0; n < 0x210; n++)
        assert_err(kernel_read(view_of(file, n), &k, &why), ERR_KERNEL_FORMAT);
    assert_ok(kernel_read(view_of(file, 0x210), &k, &why));
    file[0x1FE] = 0;
    assert_err(kernel_read(view_of(file, sizeof(file)), &k, &why), ERR_KERNEL_FORMAT);
    assert_err(kernel_read(text_view("\x7f"
                                     "ELF"),
                           &k, &why),
               ERR_KERNEL_FORMAT);
}

static void metadata(void **state UNUSED)
{
    AUTO_BUF struct buf b = BUF_WITH(METADATA_MAX);
    AUTO_BUF struct buf custom = BUF_WITH(METADATA_CUSTOM_MAX + 1);
    uint8_t *room = NULL;
    assert_ok(metadata_put(text_view("6.12"), view_of(NULL, 0), &b));
    assert_true(view_is(buf_view(&b), "{\"ImageName\":\"veronnx\",\"ImageVersion\":\"" VERONNX_VERSION
                                      "\",\"BuildMetadata\":{\"BuildTime\":\"1970-01-01T00:00:00+00:00\","
                                      "\"BuildTool\":\"veronnx image\",\"BuildToolVersion\":\"" VERONNX_VERSION
                                      "\",\"OperatingSystem\":\"Linux\",\"KernelVersion\":\"6.12\"},"
                                      "\"DockerInfo\":null,\"CustomMetadata\":null}"));
    assert_ok(buf_reserve(&custom, METADATA_CUSTOM_MAX + 1, &room));
    memset(room, ' ', METADATA_CUSTOM_MAX + 1);
    b.len = 0;
    assert_err(metadata_put(text_view(""), view_of(room, METADATA_CUSTOM_MAX + 1), &b), ERR_TOO_LARGE);
    assert_ok(metadata_put(text_view(""), view_of(room, METADATA_CUSTOM_MAX), &b));
    assert_non_null(memmem(b.data, b.len, "\"unknown\"", 9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bzimage), cmocka_unit_test(releases), cmocka_unit_test(image),
                                       cmocka_unit_test(others), cmocka_unit_test(metadata)};
    return cmocka_run_group_tests_name("eif kernel", tests, NULL, NULL);
}
