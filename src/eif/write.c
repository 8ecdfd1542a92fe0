/* Enclave images, section by section into a file. */
#include "eif/eif.h"

#include "base/fd.h"
#include "base/mem.h"
#include "eif/crc32.h"

#define READ_SIZE (256 * KIB)

struct eif_writer eif_writer_on(int fd)
{
    return (struct eif_writer){.fd = fd, .at = EIF_HEADER_LEN};
}

/* Big-endian, into the place of a header that is being put together. */
static void put_be(uint8_t **at, uint64_t value, size_t n)
{
    for (size_t i = n; i > 0; i--)
        *(*at)++ = (uint8_t)(value >> 8 * (i - 1));
}

err_t eif_begin_section(struct eif_writer *w)
{
    if (w->n_sections == EIF_SECTIONS_MAX)
        return ERR_TOO_LARGE;
    w->offsets[w->n_sections] = w->at;
    w->at += EIF_SECTION_HEAD_LEN;
    return OK;
}

err_t eif_end_section(struct eif_writer *w, enum eif_type type)
{
    uint8_t head[EIF_SECTION_HEAD_LEN];
    uint8_t *at = head;
    uint64_t offset = w->offsets[w->n_sections];
    uint64_t size = w->at - offset - EIF_SECTION_HEAD_LEN;
    put_be(&at, type, 2);
    put_be(&at, 0, 2);
    put_be(&at, size, 8);
    TRY(fd_write_at(w->fd, offset, head, sizeof(head)));
    w->sizes[w->n_sections++] = size;
    return OK;
}

err_t eif_put(void *writer, struct view bytes)
{
    struct eif_writer *w = writer;
    TRY(fd_write_at(w->fd, w->at, bytes.data, bytes.len));
    w->at += bytes.len;
    return OK;
}

err_t eif_put_section(struct eif_writer *w, enum eif_type type, struct view data)
{
    TRY(eif_begin_section(w));
    TRY(eif_put(w, data));
    return eif_end_section(w, type);
}

/* Goes on with the CRC over all that follows the header. */
static err_t add_sections(const struct eif_writer *w, uint32_t *crc)
{
    AUTO_MEM uint8_t *bytes = mem_alloc(1, READ_SIZE);
    if (bytes == NULL)
        return ERR_NOMEM;
    for (uint64_t at = EIF_HEADER_LEN; at < w->at;) {
        size_t n = MIN(READ_SIZE, w->at - at);
        TRY(fd_read_at(w->fd, at, bytes, n));
        *crc = crc32_more(*crc, view_of(bytes, n));
        at += n;
    }
    return OK;
}

err_t eif_finish(const struct eif_writer *w, enum eif_arch arch)
{
    static const uint8_t magic[] = {'.', 'e', 'i', 'f'};
    uint8_t head[EIF_HEADER_LEN] = {0};
    uint8_t *at = head;
    for (size_t i = 0; i < sizeof(magic); i++)
        *at++ = magic[i];
    put_be(&at, EIF_VERSION, 2);
    put_be(&at, arch, 2);
    put_be(&at, EIF_DEFAULT_MEMORY, 8);
    put_be(&at, EIF_DEFAULT_CPUS, 8);
    put_be(&at, 0, 2);
    put_be(&at, w->n_sections, 2);
    for (size_t i = 0; i < EIF_SECTIONS_MAX; i++)
        put_be(&at, w->offsets[i], 8);
    for (size_t i = 0; i < EIF_SECTIONS_MAX; i++)
        put_be(&at, w->sizes[i], 8);
    put_be(&at, 0, 4);
    uint32_t crc = crc32_more(0, view_of(head, EIF_CRC_OFFSET));
    TRY(add_sections(w, &crc));
    put_be(&at, crc, 4);
    return fd_write_at(w->fd, 0, head, sizeof(head));
}
