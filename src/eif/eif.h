/* Enclave image files (EIF): what AWS Nitro's hypervisor and QEMU's nitro-enclave machine boot, as the README and the
   definitions of aws-nitro-enclaves-image-format describe them. Big-endian throughout:

       header, 548 bytes: magic ".eif", version u16, flags u16 (bit 0: aarch64), default memory u64, default CPUs u64,
           reserved u16, number of sections u16, their offsets u64 × 32, their sizes u64 × 32, unused u32, CRC-32 u32
       sections: type u16, flags u16, size u64, data

   The CRC covers the whole file except itself. The registers cover the data of kernel, command line and ramdisks, one
   behind the other without anything between them: bytes that move over such a border leave PCR0 as it is. So a verifier
   pins PCR0, PCR1 and PCR2, and nothing about metadata, gaps and header is known from a register. */
#ifndef VERONNX_EIF_EIF_H
#define VERONNX_EIF_EIF_H

#include "attest/pcr.h"
#include "eif/signature.h"

#define EIF_HEADER_LEN       548
#define EIF_CRC_OFFSET       544
#define EIF_SECTION_HEAD_LEN 12
#define EIF_SECTIONS_MIN     2
#define EIF_SECTIONS_MAX     32
#define EIF_VERSION          4 /* what is written; 2 (the first) and 3 (signatures) are read as well */
#define EIF_DEFAULT_MEMORY   GIB
#define EIF_DEFAULT_CPUS     2
#define EIF_PCRS             3

enum eif_type { EIF_KERNEL = 1, EIF_CMDLINE, EIF_RAMDISK, EIF_SIGNATURE, EIF_METADATA, EIF_TYPES_ };
enum eif_arch { EIF_X86_64, EIF_AARCH64 };

const char *eif_type_name(enum eif_type type);
const char *eif_arch_name(enum eif_arch arch);

/* ── reading ── */

struct eif_section {
    enum eif_type type;
    uint64_t offset; /* of its header */
    struct view data;
};

/* Views are borrowed from the bytes that were read. */
struct eif {
    uint16_t version;
    enum eif_arch arch;
    uint64_t default_memory;
    uint64_t default_cpus;
    uint32_t crc;
    size_t n_sections;
    struct eif_section sections[EIF_SECTIONS_MAX];
    uint8_t pcr[EIF_PCRS][PCR_LEN]; /* PCR0 to PCR2 */
    bool is_signed;
    struct eif_signature signature; /* with PCR8, when it is signed */
};

/* ERR_EIF_MALFORMED or ERR_EIF_SIGNATURE; `why` begins with the name of the rule that was broken:
   short magic version flags reserved count crc table offset cut size section-flags type missing twice order trailing
   signature. Gaps between sections are taken: they are under the CRC and the hypervisor takes them. */
err_t eif_read(struct view file, struct eif *ret, struct why *why);

/* The section of this type that comes first; NULL when there is none. */
const struct eif_section *eif_find(const struct eif *e, enum eif_type type);

/* ── writing ── */

/* Sections go into `fd` (empty, for reading and writing, the caller's), in the order in which they come. */
struct eif_writer {
    int fd;
    uint64_t at;
    size_t n_sections;
    uint64_t offsets[EIF_SECTIONS_MAX];
    uint64_t sizes[EIF_SECTIONS_MAX];
};

struct eif_writer eif_writer_on(int fd);
/* A section's data is put between these two, in any number of pieces. ERR_TOO_LARGE: more than 32 sections. */
err_t eif_begin_section(struct eif_writer *w);
err_t eif_end_section(struct eif_writer *w, enum eif_type type);
/* `writer` is a struct eif_writer: this is also what a cpio_sink wants. */
err_t eif_put(void *writer, struct view bytes);
/* One whole section. */
err_t eif_put_section(struct eif_writer *w, enum eif_type type, struct view data);
/* The header, with the CRC over what has been written, which is read for it. */
err_t eif_finish(const struct eif_writer *w, enum eif_arch arch);

#endif
