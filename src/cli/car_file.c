/* The walk over an archive: sections that it waits for as they come, others by the places where they were seen. */
#include "cli/car_file.h"

#include "base/fd.h"
#include "base/mem.h"
#include "ipld/car.h"
#include "ipld/cid_map.h"
#include "ipld/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE (256 * KIB)

/* A place in the archive as a number of the map. */
#define LEN_BITS 22
_Static_assert(BLOCK_MAX < (size_t)1 << LEN_BITS, "a length fits");

struct archive {
    int fd;
    struct car_reader reader;
    struct cid_map seen;
    struct walk *walk;
    struct buf block; /* one that was seen before it was wanted */
    uint64_t size;    /* of the file */
    struct output *out;
    struct progress *progress;
    struct why *why;
};

static void archive_done(struct archive *a)
{
    car_reader_done(&a->reader);
    cid_map_done(&a->seen);
    walk_free(&a->walk);
    buf_done(&a->block);
}

err_t car_file_open(const char *path, int *ret_fd, struct why *why)
{
    struct stat st;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return why_set(why, ERR_USAGE, "%s: %s", strerrordesc_np(errno), path);
    if (!S_ISREG(st.st_mode))
        return why_set(why, ERR_USAGE, "not a file: %s", path);
    *ret_fd = TAKE_FD(fd);
    return OK;
}

/* ── the walk ── */

static err_t on_start(void *user, uint64_t size, const struct cid *file UNUSED)
{
    struct archive *a = user;
    a->size = size;
    return OK;
}

static err_t on_write(void *user, uint64_t offset, struct view bytes)
{
    const struct archive *a = user;
    return fd_write_at(a->out->fd, offset, bytes.data, bytes.len);
}

static err_t give(struct archive *a, const struct cid *cid, struct view bytes, uint64_t offset)
{
    err_t e = walk_block(a->walk, cid, bytes);
    if (e != OK)
        return why_set(a->why, e, "block at byte %" PRIu64 ": %s", offset, err_text(e));
    progress_show(a->progress, walk_written(a->walk), a->size, 0);
    return output_reach(a->out, walk_prefix(a->walk), a->why);
}

/* ── the archive ── */

static err_t give_seen(struct archive *a, const struct cid *cid, uint64_t place)
{
    uint64_t offset = place >> LEN_BITS;
    size_t len = place & (((size_t)1 << LEN_BITS) - 1);
    uint8_t *room = NULL;
    buf_clear(&a->block);
    TRY(buf_reserve(&a->block, len, &room));
    TRY(fd_read_at(a->fd, offset, room, len));
    buf_commit(&a->block, len);
    return give(a, cid, buf_view(&a->block), offset);
}

/* What is wanted and was seen already; the rest is waited for. */
static err_t take_seen(struct archive *a)
{
    struct walk_want want;
    while (walk_want(a->walk, &want)) {
        uint64_t place = 0;
        if (cid_map_find(&a->seen, &want.cid, &place))
            TRY(give_seen(a, &want.cid, place));
    }
    return OK;
}

static err_t on_section(void *user, const struct car_section *s)
{
    struct archive *a = user;
    bool fresh = false;
    if (s->cid.kind != CID_BLOCK)
        return OK;
    TRY(cid_map_add(&a->seen, &s->cid.cid, s->offset << LEN_BITS | s->bytes.len, &fresh));
    if (!walk_waits_for(a->walk, &s->cid.cid))
        return OK;
    TRY(give(a, &s->cid.cid, s->bytes, s->offset));
    TRY(take_seen(a));
    return walk_done(a->walk) ? ERR_CLOSED : OK; /* nothing more need be read */
}

static err_t at_end(const struct archive *a)
{
    TRY(car_finish(&a->reader, a->why));
    if (walk_resolving(a->walk))
        return why_set(a->why, ERR_MODEL_NOT_FOUND, "the archive does not have it");
    return why_set(a->why, ERR_MODEL_INCOMPLETE, "the archive does not have all of its blocks");
}

static err_t read_on(struct archive *a, uint8_t *bytes)
{
    ssize_t n = read(a->fd, bytes, READ_SIZE);
    if (n == 0)
        return at_end(a);
    if (n < 0)
        return errno == EINTR ? OK : err_errno();
    return car_push(&a->reader, view_of(bytes, (size_t)n), a->why);
}

err_t car_file_cat(int fd, const struct model_id *id, struct output *out, struct progress *progress, struct why *why)
{
    AUTO(archive_done)
    struct archive a = {.fd = fd, .out = out, .progress = progress, .why = why, .block = BUF_WITH(BLOCK_MAX)};
    AUTO_MEM uint8_t *bytes = mem_alloc(1, READ_SIZE);
    struct walk_params params = {
        .root = id->cid, .path = model_id_path(id), .max_size = INT64_MAX, .sink = {&a, on_start, on_write}};
    if (bytes == NULL)
        return ERR_NOMEM;
    if (getrandom(&params.seed, sizeof(params.seed), 0) != (ssize_t)sizeof(params.seed))
        return err_errno();
    car_reader_init(&a.reader, &(struct car_sink){&a, NULL, on_section});
    cid_map_init(&a.seen, ~params.seed);
    TRY(walk_new(&params, &a.walk));
    TRY(take_seen(&a));
    err_t e = OK;
    while (e == OK)
        e = read_on(&a, bytes);
    return e == ERR_CLOSED ? OK : e; /* as on_section says */
}
