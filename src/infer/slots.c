/* Mapping, making and replacing areas. */
#include "infer/slots.h"

#include <sys/mman.h>

#define AREA_MIN (64 * KIB)

err_t slot_take(struct slot *s)
{
    return atomic_exchange_explicit(&s->busy, true, memory_order_acquire) ? ERR_PROTOCOL : OK;
}

void slot_release(struct slot *s)
{
    atomic_store_explicit(&s->busy, false, memory_order_release);
}

static err_t map_input(struct slot *s, int *fd, uint64_t max)
{
    AUTO_FD int own = TAKE_FD(*fd);
    size_t size = 0;
    map_done(&s->input);
    if (memfd_check(own, SEALS_AREA, 1, max, &size) != OK)
        return ERR_PROTOCOL;
    return map_shared(own, size, PROT_READ, &s->input) == OK ? OK : ERR_NOMEM;
}

err_t slot_input(struct slot *s, int *fd, uint64_t bytes, uint64_t max, const uint8_t **ret)
{
    if (*fd >= 0)
        TRY(map_input(s, fd, max));
    if (bytes > s->input.size)
        return ERR_PROTOCOL;
    *ret = s->input.addr;
    return OK;
}

/* Twice the size each time, so that growing outputs do not mean a new area each; pages that are not touched cost
   nothing. */
static size_t area_size(uint64_t need, uint64_t max)
{
    uint64_t size = AREA_MIN;
    while (size < need)
        size *= 2;
    return MAX(MIN(size, max), need);
}

static err_t make_output(struct slot *s, size_t size, int *ret_fd)
{
    AUTO_FD int fd = -1;
    AUTO(map_done) struct map area = {0};
    TRY(memfd_new("output", size, &fd));
    TRY(map_shared(fd, size, PROT_READ | PROT_WRITE, &area));
    TRY(memfd_seal(fd, SEALS_OUTPUT)); /* what is mapped writable now stays so, nothing else becomes so */
    map_done(&s->output);
    s->output = area;
    area = (struct map){0};
    *ret_fd = TAKE_FD(fd);
    return OK;
}

err_t slot_output(struct slot *s, uint64_t need, uint64_t max, uint8_t **ret, int *ret_fd)
{
    int fd = -1;
    if (need > max)
        return ERR_OUTPUT_TOO_LARGE;
    if (need > s->output.size && make_output(s, area_size(need, max), &fd) != OK)
        return ERR_NOMEM;
    *ret = s->output.addr;
    *ret_fd = fd;
    return OK;
}

void slot_unmap_large(struct slot *s)
{
    if (s->output.size > SLOT_KEEP_MAX)
        map_done(&s->output);
}

void slot_done(struct slot *s)
{
    map_done(&s->input);
    map_done(&s->output);
}
