/* Counting, making room. */
#include "store/cache.h"

#include "base/mem.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define USED_AGAIN_S 60 /* a use is noted when the last one was so long ago */
#define COUNT_EVERY  64 /* puts: then a folder is counted again */
#define VICTIMS_OF   8  /* this part of a sample goes before the next is taken */

struct cache_file {
    uint8_t digest[SHA256_LEN];
    struct timespec used;
    uint64_t bytes;
};

/* ── opening ── */

err_t cache_open(const char *path, uint64_t max, struct cache *ret, struct why *why)
{
    struct cache c = {.store = STORE_NONE, .max = max};
    TRY(store_create(path, &c.store, why));
    *ret = c;
    return OK;
}

void cache_done(struct cache *c)
{
    store_done(&c->store);
    mem_free(c->victims);
    c->victims = NULL;
}

err_t cache_default_path(char *ret_path, size_t size)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (base != NULL && base[0] == '/')
        n = snprintf(ret_path, size, "%s/veronnx/blocks", base);
    else if (home != NULL && home[0] == '/')
        n = snprintf(ret_path, size, "%s/.cache/veronnx/blocks", home);
    return n > 0 && (size_t)n < size ? OK : ERR_USAGE;
}

/* ── files ── */

static uint64_t pages(uint64_t bytes)
{
    return (bytes + CACHE_PAGE - 1) / CACHE_PAGE * CACHE_PAGE;
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

/* NULL when there is none. */
static DIR *open_folder(const struct cache *c, unsigned folder)
{
    char name[3];
    hex_encode(&(uint8_t){(uint8_t)folder}, 1, name);
    AUTO_FD int fd = openat(c->store.dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir != NULL)
        (void)TAKE_FD(fd);
    return dir;
}

/* The digest that a file in this folder is named by, exactly as we write it: what has another name cannot be found, nor
   sent away. */
static bool is_block(unsigned folder, const char *name, uint8_t digest[static SHA256_LEN])
{
    char ours[HEX_LEN(SHA256_LEN) + 1];
    if (hex_decode(view_of(name, strlen(name)), digest, SHA256_LEN) != OK || digest[0] != folder)
        return false;
    hex_encode(digest, SHA256_LEN, ours);
    return strcmp(name, ours) == 0;
}

/* The next block of the folder; false at its end. Other things that somebody put there are passed over. */
static bool next_file(DIR *dir, unsigned folder, struct cache_file *ret)
{
    struct stat st;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (!is_block(folder, entry->d_name, ret->digest) ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        ret->used = st.st_mtim;
        ret->bytes = pages((uint64_t)MAX(st.st_size, 0));
        return true;
    }
    return false;
}

/* ── how much there is ── */

static void set_bytes(struct cache *c, unsigned folder, uint64_t bytes)
{
    c->total += bytes - c->bytes[folder];
    c->bytes[folder] = bytes;
}

bool cache_count(struct cache *c)
{
    AUTO(close_dir) DIR *dir = open_folder(c, c->next);
    struct cache_file file;
    uint64_t bytes = 0;
    while (dir != NULL && next_file(dir, c->next, &file))
        bytes += file.bytes;
    set_bytes(c, c->next, bytes);
    c->next = (c->next + 1) % CACHE_FOLDERS;
    c->counted = MIN(c->counted + 1, CACHE_FOLDERS);
    return c->counted < CACHE_FOLDERS;
}

static void forget(struct cache *c, const struct cache_file *f)
{
    uint64_t there = c->bytes[f->digest[0]];
    set_bytes(c, f->digest[0], there - MIN(there, f->bytes));
}

/* ── making room ── */

static int youngest_first(const void *a, const void *b)
{
    const struct cache_file *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec > y->used.tv_sec ? -1 : 1;
    return (x->used.tv_nsec < y->used.tv_nsec) - (x->used.tv_nsec > y->used.tv_nsec);
}

/* The files of a folder behind the first `n`, as far as there is room. One that was read to its end is counted. */
static size_t sample_folder(struct cache *c, unsigned folder, struct cache_file *files, size_t n)
{
    AUTO(close_dir) DIR *dir = open_folder(c, folder);
    uint64_t bytes = 0;
    for (; dir != NULL && n < CACHE_SAMPLE; n++) {
        if (!next_file(dir, folder, &files[n]))
            break;
        bytes += files[n].bytes;
    }
    if (n < CACHE_SAMPLE)
        set_bytes(c, folder, bytes);
    return n;
}

static size_t sample(struct cache *c, struct cache_file *files)
{
    size_t n = 0;
    for (unsigned i = 0; i < CACHE_FOLDERS && n < CACHE_SAMPLE; i++) {
        n = sample_folder(c, c->sampled, files, n);
        c->sampled = (c->sampled + 1) % CACHE_FOLDERS;
    }
    return n;
}

/* Digests are evenly spread, so the oldest of some folders are about the oldest of all. */
static err_t choose_victims(struct cache *c)
{
    mem_free(TAKE_PTR(c->victims));
    AUTO_MEM struct cache_file *files = mem_alloc(CACHE_SAMPLE, sizeof(*files));
    if (files == NULL)
        return ERR_NOMEM;
    size_t n = sample(c, files);
    qsort(files, n, sizeof(*files), youngest_first);
    size_t victims = (n + VICTIMS_OF - 1) / VICTIMS_OF; /* none of an empty folder */
    c->victims = mem_copy(files + (n - victims), victims * sizeof(*files));
    if (c->victims == NULL)
        return ERR_NOMEM;
    c->n_victims = victims;
    return OK;
}

/* Unless it was used since the sample was taken. */
static void evict(struct cache *c, const struct cache_file *f)
{
    struct stat st;
    AUTO_FD int fd = -1;
    size_t size = 0;
    if (store_find(&c->store, f->digest, &fd, &size) == OK && fstat(fd, &st) == 0 &&
        (st.st_mtim.tv_sec != f->used.tv_sec || st.st_mtim.tv_nsec != f->used.tv_nsec))
        return;
    if (store_remove(&c->store, f->digest) == OK)
        forget(c, f);
}

/* What was used since the sample was taken stays; so there is a second one before the answer is that nothing can go.
   Each sample counts again, so what only seemed to go is no progress. */
static err_t make_room(struct cache *c, uint64_t bytes)
{
    uint64_t least = UINT64_MAX;
    unsigned samples = 0;
    if (bytes > c->max)
        return ERR_TOO_LARGE;
    while (c->total > c->max - bytes) {
        if (c->n_victims > 0) {
            evict(c, &c->victims[--c->n_victims]);
            continue;
        }
        TRY(choose_victims(c));
        samples = c->total < least ? 1 : samples + 1;
        if (samples > 2)
            return ERR_TOO_LARGE;
        least = MIN(least, c->total);
    }
    return OK;
}

/* ── blocks ── */

err_t cache_find(const struct cache *c, const uint8_t digest[static SHA256_LEN], int *ret_fd, size_t *ret_size)
{
    struct stat st;
    TRY(store_find(&c->store, digest, ret_fd, ret_size));
    if (fstat(*ret_fd, &st) == 0 && st.st_mtime < time(NULL) - USED_AGAIN_S)
        (void)futimens(*ret_fd, NULL);
    return OK;
}

err_t cache_put(struct cache *c, const uint8_t digest[static SHA256_LEN], const struct iovec *parts, unsigned n_parts)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < n_parts; i++)
        bytes += parts[i].iov_len;
    bytes = pages(bytes);
    TRY(make_room(c, bytes));
    TRY(store_put_fast(&c->store, digest, parts, n_parts));
    set_bytes(c, digest[0], c->bytes[digest[0]] + bytes);
    if (++c->puts % COUNT_EVERY == 0)
        (void)cache_count(c);
    return OK;
}

void cache_remove(struct cache *c, const uint8_t digest[static SHA256_LEN])
{
    struct cache_file file = {0};
    AUTO_FD int fd = -1;
    size_t size = 0;
    memcpy(file.digest, digest, SHA256_LEN);
    if (store_find(&c->store, digest, &fd, &size) == OK)
        file.bytes = pages(size);
    if (store_remove(&c->store, digest) == OK)
        forget(c, &file);
}
