/* How fast blocks become a sealed file when they come at the speed of memory, beside one thread that hashes the same
   blocks and the same file and does nothing else; the two take turns. Prints, for each layout, the medians of both
   rates, their ratio, and the processor time of pulling over that of hashing. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "ipld/cid_map.h"
#include "ipld/dagpb.h"
#include "ipld/unixfs.h"
#include "pull/pull.h"
#include "wire/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_SIZE (256 * MIB)
#define ROUNDS    7

#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        err_t must_ = (call);                                                                                          \
        if (must_ != OK) {                                                                                             \
            (void)fprintf(stderr, "%s: %s\n", #call, err_name(must_));                                                 \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

struct dag {
    size_t chunk;
    size_t n; /* leaves, then the root */
    struct block {
        struct cid cid;
        struct view bytes;
    } * blocks;
    struct cid_map index;
};

static void add(struct dag *d, enum cid_codec codec, struct view bytes)
{
    uint8_t digest[SHA256_LEN];
    bool fresh = false;
    MUST(sha256_of(bytes.data, bytes.len, digest));
    d->blocks[d->n] = (struct block){cid_make(1, codec, digest), bytes};
    MUST(cid_map_add(&d->index, &d->blocks[d->n].cid, d->n, &fresh));
    d->n++;
}

static void add_node(struct dag *d, const struct unixfs *file, struct view links)
{
    struct buf message = {.max = 4 * MIB}, block = {.max = 4 * MIB};
    MUST(unixfs_put(&message, file));
    MUST(dagpb_put(&block, &(struct dagpb_node){.links = links, .data = buf_view(&message)}));
    add(d, CID_DAG_PB, buf_view(&block));
    buf_done(&message);
}

static void make(struct dag *d, const uint8_t *file, size_t chunk, bool raw)
{
    struct buf links = {.max = MIB}, sizes = {.max = MIB};
    *d = (struct dag){.chunk = chunk, .blocks = mem_alloc(FILE_SIZE / chunk + 1, sizeof(struct block))};
    cid_map_init(&d->index, 1);
    for (size_t at = 0; at < FILE_SIZE; at += chunk) {
        struct unixfs leaf = {.type = UNIXFS_FILE, .data = view_of(file + at, chunk), .filesize = chunk};
        if (raw)
            add(d, CID_RAW, leaf.data);
        else
            add_node(d, &leaf, (struct view){0});
        MUST(dagpb_put_link(&links, &d->blocks[d->n - 1].cid, (struct view){0}, chunk));
        MUST(unixfs_put_size(&sizes, chunk));
    }
    add_node(d, &(struct unixfs){.type = UNIXFS_FILE, .filesize = FILE_SIZE, .sizes = buf_view(&sizes)},
             buf_view(&links));
    buf_done(&links);
    buf_done(&sizes);
}

/* ── the fetcher ── */

static void send_block(int fd, const struct block *b)
{
    struct buf head = {.max = BLOCK_HEAD_MAX};
    MUST(block_encode_head(&head,
                           &(struct block_frame){.type = BLOCK_BLOCK, .cid = cid_view(&b->cid), .bytes = b->bytes}));
    MUST(fd_write_all(fd, head.data, head.len));
    MUST(fd_write_all(fd, b->bytes.data, b->bytes.len));
    buf_done(&head);
}

static void serve(int fd, const struct dag *d)
{
    struct buf in = {.max = BLOCK_WANTS_MAX};
    for (;;) {
        uint8_t *room = NULL;
        struct block_frame f;
        MUST(buf_reserve(&in, BLOCK_WANTS_MAX - in.len, &room));
        ssize_t got = read(fd, room, BLOCK_WANTS_MAX - in.len);
        if (got <= 0)
            _exit(0);
        buf_commit(&in, (size_t)got);
        struct view rest = buf_view(&in);
        while (block_decode(&rest, BLOCK_FROM_INFER, &f) == OK) {
            struct cid cid;
            uint64_t n = 0;
            MUST(cid_from_bytes(f.cid, &cid));
            MUST(cid_map_find(&d->index, &cid, &n) ? OK : ERR_NOT_FOUND);
            send_block(fd, &d->blocks[n]);
        }
        buf_consume(&in, in.len - rest.len);
    }
}

/* ── what is measured ── */

static double cpu_seconds(void)
{
    struct rusage r;
    (void)getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void hash_all(const struct dag *d, const uint8_t *file)
{
    struct sha256 whole = {0};
    uint8_t digest[SHA256_LEN];
    MUST(sha256_init(&whole));
    for (size_t i = 0; i + 1 < d->n; i++) {
        MUST(sha256_of(d->blocks[i].bytes.data, d->blocks[i].bytes.len, digest));
        MUST(sha256_update(&whole, file + i * d->chunk, d->chunk));
    }
    MUST(sha256_final(&whole, digest));
    sha256_done(&whole);
}

static err_t on_size(void *user, uint64_t size, uint64_t *ret_deadline_ms)
{
    (void)user;
    *ret_deadline_ms = clock_mono_ms() + 60000;
    return size == FILE_SIZE ? OK : ERR_INTERNAL;
}

/* Returns the file, for giving its pages back takes time as well. */
static int pull_all(const struct dag *d, struct hasher *hasher, int fd)
{
    const struct cid *root = &d->blocks[d->n - 1].cid;
    struct pulled pulled = {.fd = -1};
    struct pull_params p = {.block_fd = fd,
                            .stop_fd = -1,
                            .file_fd = -1,
                            .hasher = hasher,
                            .max_file_bytes = FILE_SIZE,
                            .deadline_ms = clock_mono_ms() + 60000,
                            .on_size = on_size};
    p.model.cid_len = root->len;
    memcpy(p.model.cid, root->bytes, root->len);
    MUST(pull_model(&p, &pulled));
    return pulled.fd;
}

struct rate {
    double wall[ROUNDS];
    double cpu[ROUNDS];
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(values[0]), by_value);
    return values[ROUNDS / 2];
}

static void measure(const struct dag *d, const uint8_t *file, const char *layout)
{
    static struct rate hash, pull;
    struct hasher *hasher = NULL;
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(fds[0]);
        serve(fds[1], d);
    }
    (void)close(fds[1]);
    MUST(hasher_new(&hasher));
    for (size_t i = 0; i < ROUNDS; i++) {
        double cpu = cpu_seconds();
        uint64_t start = clock_mono_ns();
        hash_all(d, file);
        hash.wall[i] = (double)(clock_mono_ns() - start) / 1e9;
        hash.cpu[i] = cpu_seconds() - cpu;
        cpu = cpu_seconds();
        start = clock_mono_ns();
        int pulled = pull_all(d, hasher, fds[0]);
        pull.wall[i] = (double)(clock_mono_ns() - start) / 1e9;
        pull.cpu[i] = cpu_seconds() - cpu;
        fd_close(&pulled);
    }
    double hash_s = median(hash.wall), pull_s = median(pull.wall);
    (void)printf("%-15s hash %5.0f MB/s  pull %5.0f MB/s  ratio %.2f  processor time %.2f\n", layout,
                 FILE_SIZE / hash_s / 1e6, FILE_SIZE / pull_s / 1e6, hash_s / pull_s,
                 median(pull.cpu) / median(hash.cpu));
    hasher_free(&hasher);
    (void)close(fds[0]);
    (void)waitpid(pid, NULL, 0);
}

int main(void)
{
    static const struct {
        const char *name;
        size_t chunk;
        bool raw;
    } layouts[] = {{"1 MiB raw", MIB, true}, {"256 KiB raw", 256 * KIB, true}, {"256 KiB dag-pb", 256 * KIB, false}};
    uint8_t *file = mem_alloc(1, FILE_SIZE);
    uint64_t state = 1;
    MUST(file != NULL ? sha256_setup() : ERR_NOMEM);
    for (size_t i = 0; i < FILE_SIZE; i += sizeof(state)) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        memcpy(file + i, &state, sizeof(state));
    }
    for (size_t i = 0; i < COUNT_OF(layouts); i++) {
        struct dag d;
        make(&d, file, layouts[i].chunk, layouts[i].raw);
        measure(&d, file, layouts[i].name);
        for (size_t n = 0; n < d.n; n++)
            if (!layouts[i].raw || n + 1 == d.n)
                mem_free((void *)(uintptr_t)d.blocks[n].bytes.data);
        mem_free(d.blocks);
        cid_map_done(&d.index);
    }
    mem_free(file);
    return 0;
}
