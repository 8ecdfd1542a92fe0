/* Headers of kernels. */
#include "eif/kernel.h"

/* x86, offsets in the file */
#define SETUP_SECTORS  0x1F1
#define BOOT_FLAG      0x1FE
#define HEADER_MAGIC   0x202
#define HEADER_VERSION 0x206
#define RELEASE_BASE   0x200
#define SECTOR         512
#define PARAGRAPH      16
/* arm64 */
#define TEXT_OFFSET 8
#define ARM64_MAGIC 56

static bool is_at(struct view file, size_t offset, const char *magic)
{
    struct view skipped = {0}, found = {0};
    const struct view wanted = view_of(magic, 4);
    return view_take(&file, offset, &skipped) == OK && view_take(&file, wanted.len, &found) == OK &&
           view_equal(found, wanted);
}

static bool is_release_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '+' ||
           c == '-' || c == '_' || c == '~';
}

/* The first word at `offset`; nothing when there is none that a release can be. */
static struct view release_at(struct view file, size_t offset)
{
    struct view skipped = {0};
    size_t n = 0;
    if (view_take(&file, offset, &skipped) != OK)
        return view_of(NULL, 0);
    while (n < file.len && n <= KERNEL_RELEASE_MAX && is_release_char(file.data[n]))
        n++;
    bool ends = n < file.len && n <= KERNEL_RELEASE_MAX && (file.data[n] == ' ' || file.data[n] == '\0');
    return ends ? view_of(file.data, n) : view_of(NULL, 0);
}

/* The fields from the number of setup sectors on. */
static err_t read_bzimage(struct view file, struct kernel *ret)
{
    struct view in = file, skipped = {0};
    uint8_t sectors = 0;
    uint16_t root_flags = 0, release = 0;
    uint32_t paragraphs = 0;
    TRY(view_take(&in, SETUP_SECTORS, &skipped));
    TRY(view_u8(&in, &sectors));
    TRY(view_u16le(&in, &root_flags));
    TRY(view_u32le(&in, &paragraphs));
    in = file;
    TRY(view_take(&in, HEADER_VERSION + 8,
                  &skipped)); /* kernel_version follows version, realmode_swtch, start_sys_seg */
    TRY(view_u16le(&in, &release));
    sectors = sectors == 0 ? 4 : sectors;
    *ret = (struct kernel){
        .arch = EIF_X86_64,
        .size = ((uint64_t)sectors + 1) * SECTOR + (uint64_t)paragraphs * PARAGRAPH,
        .release = release != 0 ? release_at(file, (size_t)release + RELEASE_BASE) : view_of(NULL, 0),
    };
    return OK;
}

static err_t read_image(struct view file, struct kernel *ret, struct why *why)
{
    struct view skipped = {0};
    uint64_t text_offset = 0;
    TRY(view_take(&file, TEXT_OFFSET, &skipped));
    TRY(view_u64le(&file, &text_offset));
    if (text_offset == 0)
        return why_set(why, ERR_KERNEL_FORMAT, "an arm64 Image whose text offset is 0 (it must be 0x200000)");
    *ret = (struct kernel){.arch = EIF_AARCH64};
    return OK;
}

err_t kernel_read(struct view file, struct kernel *ret, struct why *why)
{
    struct kernel k = {0};
    if (is_at(file, HEADER_MAGIC, "HdrS") && file.data[BOOT_FLAG] == 0x55 && file.data[BOOT_FLAG + 1] == 0xAA) {
        if (read_bzimage(file, &k) != OK)
            return why_set(why, ERR_KERNEL_FORMAT, "a bzImage that ends in its header");
    } else if (is_at(file, ARM64_MAGIC, "ARMd")) {
        TRY(read_image(file, &k, why));
    } else {
        return why_set(why, ERR_KERNEL_FORMAT, "neither a bzImage (x86_64) nor an uncompressed Image (aarch64)");
    }
    *ret = k;
    return OK;
}
