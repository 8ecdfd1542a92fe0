/* Enclave images: read as they are and with a CRC that is right; sections lie in the file one behind the other, and
   only their bytes decide about the registers. */
#include "base/mem.h"
#include "eif/crc32.h"
#include "eif/eif.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct view file, const struct eif *e)
{
    const uint8_t *end = file.data + EIF_HEADER_LEN;
    assert(e->n_sections >= EIF_SECTIONS_MIN && e->n_sections <= EIF_SECTIONS_MAX);
    for (size_t i = 0; i < e->n_sections; i++) {
        const struct eif_section *s = &e->sections[i];
        assert(s->data.data >= end + EIF_SECTION_HEAD_LEN &&
               s->offset == (uint64_t)(s->data.data - file.data) - EIF_SECTION_HEAD_LEN);
        end = s->data.data + s->data.len;
    }
    assert(end == file.data + file.len);
    assert(eif_find(e, EIF_KERNEL) != NULL && eif_find(e, EIF_CMDLINE) != NULL && eif_find(e, EIF_RAMDISK) != NULL);
    assert(e->is_signed == (eif_find(e, EIF_SIGNATURE) != NULL));
    for (size_t i = 0; i < EIF_PCRS; i++)
        assert(!pcr_is_zero(e->pcr[i]));
}

static void read_one(struct view file)
{
    struct eif e;
    struct why why = {""};
    err_t result = eif_read(file, &e, &why);
    assert(result == OK || strchr(why.text, ':') != NULL);
    if (result == OK)
        check(file, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_one(view_of(data, size));
    if (size < EIF_HEADER_LEN)
        return 0;
    AUTO_MEM uint8_t *copy = mem_copy(data, size);
    assert(copy != NULL);
    uint32_t crc = crc32_more(0, view_of(copy, EIF_CRC_OFFSET));
    crc = crc32_more(crc, view_of(copy + EIF_HEADER_LEN, size - EIF_HEADER_LEN));
    for (size_t i = 0; i < 4; i++)
        copy[EIF_CRC_OFFSET + i] = (uint8_t)(crc >> (24 - 8 * i));
    read_one(view_of(copy, size));
    /* the rest of a signature section, without the work of a file around it */
    struct eif_signature signature;
    (void)eif_signature_check(view_of(copy + EIF_HEADER_LEN, size - EIF_HEADER_LEN), copy, &signature, NULL);
    return 0;
}
