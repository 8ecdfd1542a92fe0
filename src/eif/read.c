/* From the bytes of an enclave image to its sections and registers. */
#include "eif/eif.h"

#include "eif/crc32.h"

#include <inttypes.h>
#include <string.h>

#define MAGIC         ".eif"
#define FLAG_AARCH64  1
#define VERSION_FIRST 2

/* How often a type stands in a file, and since which version it does. */
static const struct {
    const char *name;
    unsigned least;
    unsigned most;
    uint16_t since;
} types[EIF_TYPES_] = {
    [EIF_KERNEL] = {"kernel", 1, 1, VERSION_FIRST},
    [EIF_CMDLINE] = {"cmdline", 1, 1, VERSION_FIRST},
    [EIF_RAMDISK] = {"ramdisk", 1, EIF_SECTIONS_MAX, VERSION_FIRST},
    [EIF_SIGNATURE] = {"signature", 0, 1, 3},
    [EIF_METADATA] = {"metadata", 1, 1, 4},
};

const char *eif_type_name(enum eif_type type)
{
    return types[type].name;
}

const char *eif_arch_name(enum eif_arch arch)
{
    static const char *const names[] = {[EIF_X86_64] = "x86_64", [EIF_AARCH64] = "aarch64"};
    return names[arch];
}

const struct eif_section *eif_find(const struct eif *e, enum eif_type type)
{
    for (size_t i = 0; i < e->n_sections; i++)
        if (e->sections[i].type == type)
            return &e->sections[i];
    return NULL;
}

/* ── header ── */

struct header {
    struct view magic;
    uint16_t version;
    uint16_t flags;
    uint64_t default_memory;
    uint64_t default_cpus;
    uint16_t reserved;
    uint16_t n_sections;
    uint64_t offsets[EIF_SECTIONS_MAX];
    uint64_t sizes[EIF_SECTIONS_MAX];
    uint32_t unused;
    uint32_t crc;
};

static err_t take_header(struct view in, struct header *h)
{
    TRY(view_take(&in, strlen(MAGIC), &h->magic));
    TRY(view_u16be(&in, &h->version));
    TRY(view_u16be(&in, &h->flags));
    TRY(view_u64be(&in, &h->default_memory));
    TRY(view_u64be(&in, &h->default_cpus));
    TRY(view_u16be(&in, &h->reserved));
    TRY(view_u16be(&in, &h->n_sections));
    for (size_t i = 0; i < EIF_SECTIONS_MAX; i++)
        TRY(view_u64be(&in, &h->offsets[i]));
    for (size_t i = 0; i < EIF_SECTIONS_MAX; i++)
        TRY(view_u64be(&in, &h->sizes[i]));
    TRY(view_u32be(&in, &h->unused));
    return view_u32be(&in, &h->crc);
}

static uint32_t crc_of(struct view file)
{
    uint32_t crc = crc32_more(0, view_of(file.data, EIF_CRC_OFFSET));
    return crc32_more(crc, view_of(file.data + EIF_HEADER_LEN, file.len - EIF_HEADER_LEN));
}

static err_t check_table(const struct header *h, struct why *why)
{
    for (size_t i = h->n_sections; i < EIF_SECTIONS_MAX; i++)
        if (h->offsets[i] != 0 || h->sizes[i] != 0)
            return why_set(why, ERR_EIF_MALFORMED, "table: row %zu is not empty, but there are %d sections", i,
                           h->n_sections);
    return OK;
}

/* Other flags are those of loaders that measure something else: registers computed here would be wrong. */
static err_t read_header(struct view file, struct header *h, struct why *why)
{
    if (take_header(file, h) != OK)
        return why_set(why, ERR_EIF_MALFORMED, "short: a file of %zu bytes has no header of %d", file.len,
                       EIF_HEADER_LEN);
    if (!view_is(h->magic, MAGIC))
        return why_set(why, ERR_EIF_MALFORMED, "magic: the file does not begin with " MAGIC);
    if (h->version < VERSION_FIRST || h->version > EIF_VERSION)
        return why_set(why, ERR_EIF_MALFORMED, "version: %d is not one from %d to %d", h->version, VERSION_FIRST,
                       EIF_VERSION);
    uint32_t crc = crc_of(file);
    if (h->crc != crc)
        return why_set(why, ERR_EIF_MALFORMED, "crc: %08" PRIx32 " of the file, %08" PRIx32 " in its header", crc,
                       h->crc);
    if ((h->flags & ~FLAG_AARCH64) != 0)
        return why_set(why, ERR_EIF_MALFORMED, "flags: %04x has bits whose meaning is not known", h->flags);
    if (h->reserved != 0 || h->unused != 0)
        return why_set(why, ERR_EIF_MALFORMED, "reserved: an unused field of the header is not 0");
    if (h->n_sections < EIF_SECTIONS_MIN || h->n_sections > EIF_SECTIONS_MAX)
        return why_set(why, ERR_EIF_MALFORMED, "count: %d sections, not %d to %d", h->n_sections, EIF_SECTIONS_MIN,
                       EIF_SECTIONS_MAX);
    return check_table(h, why);
}

/* ── sections ── */

/* `end` is where the one before ends. */
static err_t read_section(struct view file, const struct header *h, size_t i, uint64_t end, struct eif_section *ret,
                          struct why *why)
{
    uint64_t offset = h->offsets[i], size = 0;
    uint16_t type = 0, flags = 0;
    struct view in = file, data = {0};
    if (offset < end)
        return why_set(why, ERR_EIF_MALFORMED, "offset: section %zu begins before the end of what is in front of it",
                       i);
    if (view_take(&in, offset, &data) != OK || in.len < EIF_SECTION_HEAD_LEN)
        return why_set(why, ERR_EIF_MALFORMED, "cut: section %zu begins behind the end of the file", i);
    TRY(view_u16be(&in, &type));
    TRY(view_u16be(&in, &flags));
    TRY(view_u64be(&in, &size));
    if (size != h->sizes[i])
        return why_set(why, ERR_EIF_MALFORMED, "size: section %zu and the header disagree about its size", i);
    if (view_take(&in, size, &data) != OK)
        return why_set(why, ERR_EIF_MALFORMED, "cut: section %zu ends behind the end of the file", i);
    if (flags != 0)
        return why_set(why, ERR_EIF_MALFORMED, "section-flags: %04x in section %zu, not 0", flags, i);
    if (type < EIF_KERNEL || type >= EIF_TYPES_ || h->version < types[type].since)
        return why_set(why, ERR_EIF_MALFORMED, "type: version %d has no type %d (section %zu)", h->version, type, i);
    *ret = (struct eif_section){.type = (enum eif_type)type, .offset = offset, .data = data};
    return OK;
}

static err_t read_sections(struct view file, const struct header *h, struct eif *e, struct why *why)
{
    uint64_t end = EIF_HEADER_LEN;
    for (size_t i = 0; i < h->n_sections; i++) {
        struct eif_section *s = &e->sections[i];
        TRY(read_section(file, h, i, end, s, why));
        end = s->offset + EIF_SECTION_HEAD_LEN + s->data.len;
        e->n_sections++;
    }
    if (end != file.len)
        return why_set(why, ERR_EIF_MALFORMED, "trailing: something follows the last section");
    return OK;
}

static err_t check_layout(const struct eif *e, struct why *why)
{
    for (enum eif_type type = EIF_KERNEL; type < EIF_TYPES_; type++) {
        unsigned n = 0;
        for (size_t i = 0; i < e->n_sections; i++)
            n += e->sections[i].type == type;
        if (n < types[type].least && e->version >= types[type].since)
            return why_set(why, ERR_EIF_MALFORMED, "missing: no %s", types[type].name);
        if (n > types[type].most)
            return why_set(why, ERR_EIF_MALFORMED, "twice: more than one %s", types[type].name);
    }
    if (eif_find(e, EIF_RAMDISK) < eif_find(e, EIF_KERNEL))
        return why_set(why, ERR_EIF_MALFORMED, "order: a ramdisk stands before the kernel");
    return OK;
}

/* ── registers ── */

/* Whether PCR `register` covers a section, when `n` ramdisks came before it. */
static bool covers(size_t pcr, enum eif_type type, size_t n)
{
    switch (type) {
    case EIF_KERNEL:
    case EIF_CMDLINE:
        return pcr != 2;
    case EIF_RAMDISK:
        return pcr == 0 || (pcr == 1) == (n == 0);
    case EIF_SIGNATURE:
    case EIF_METADATA:
    case EIF_TYPES_:
        break;
    }
    return false;
}

static err_t measure(struct eif *e, size_t pcr)
{
    struct view parts[EIF_SECTIONS_MAX];
    uint8_t digest[SHA384_LEN];
    size_t n_parts = 0, n_ramdisks = 0;
    for (size_t i = 0; i < e->n_sections; i++) {
        if (covers(pcr, e->sections[i].type, n_ramdisks))
            parts[n_parts++] = e->sections[i].data;
        n_ramdisks += e->sections[i].type == EIF_RAMDISK;
    }
    TRY(sha384_of(parts, n_parts, digest));
    return pcr_extend(e->pcr[pcr], view_of(digest, sizeof(digest)));
}

err_t eif_read(struct view file, struct eif *ret, struct why *why)
{
    struct header h = {0};
    struct eif e = {0};
    TRY(read_header(file, &h, why));
    e.version = h.version;
    e.arch = (h.flags & FLAG_AARCH64) != 0 ? EIF_AARCH64 : EIF_X86_64;
    e.default_memory = h.default_memory;
    e.default_cpus = h.default_cpus;
    e.crc = h.crc;
    TRY(read_sections(file, &h, &e, why));
    TRY(check_layout(&e, why));
    for (size_t i = 0; i < EIF_PCRS; i++)
        TRY(measure(&e, i));
    const struct eif_section *signature = eif_find(&e, EIF_SIGNATURE);
    e.is_signed = signature != NULL;
    if (e.is_signed)
        TRY(eif_signature_check(signature->data, e.pcr[0], &e.signature, why));
    *ret = e;
    return OK;
}
