/* One thread, one file, one lock. */
#include "pull/hasher.h"

#include "base/fd.h"
#include "base/mem.h"

#include <assert.h>
#include <pthread.h>

#define CHUNK (64 * KIB) /* read at a time: it stays in the processor's cache until it is hashed */
#define STACK (128 * KIB)

struct hasher {
    struct sha256 hash;
    uint8_t *chunk;
    int fd; /* of the file, borrowed */
    uint64_t size;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more; /* for the thread */
    pthread_cond_t rest; /* for who waits until it has nothing to do */
    uint64_t reached;
    uint64_t hashed;
    err_t failed;
    bool busy; /* hashing, without the lock */
    bool quit;
};

/* ── the thread ── */

static bool has_work(const struct hasher *h)
{
    return h->failed == OK && h->hashed < h->reached;
}

/* Read, not mapped: to put a page into a mapping and take it out again costs more than to copy it. */
static err_t take(struct hasher *h, size_t n)
{
    TRY(fd_read_at(h->fd, h->hashed, h->chunk, n));
    return sha256_update(&h->hash, h->chunk, n);
}

static void work(struct hasher *h)
{
    size_t n = MIN(h->reached - h->hashed, CHUNK);
    h->busy = true;
    (void)pthread_mutex_unlock(&h->lock);
    err_t e = take(h, n);
    (void)pthread_mutex_lock(&h->lock);
    h->busy = false;
    h->failed = e;
    h->hashed += n;
    if (!has_work(h))
        (void)pthread_cond_signal(&h->rest);
}

static void *run(void *self)
{
    struct hasher *h = self;
    (void)pthread_mutex_lock(&h->lock);
    while (!h->quit)
        if (has_work(h))
            work(h);
        else
            (void)pthread_cond_wait(&h->more, &h->lock);
    (void)pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* ── making it ── */

static bool start_thread(struct hasher *h)
{
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0)
        return false;
    bool ok = pthread_attr_setstacksize(&attr, STACK) == 0 && pthread_create(&h->thread, &attr, run, h) == 0;
    (void)pthread_attr_destroy(&attr);
    return ok;
}

static void free_parts(struct hasher *h)
{
    sha256_done(&h->hash);
    mem_free(h->chunk);
    mem_free(h);
}

err_t hasher_new(struct hasher **ret)
{
    struct hasher *h = mem_alloc(1, sizeof(*h));
    if (h == NULL)
        return ERR_NOMEM;
    *h = (struct hasher){.chunk = mem_alloc(1, CHUNK),
                         .lock = PTHREAD_MUTEX_INITIALIZER,
                         .more = PTHREAD_COND_INITIALIZER,
                         .rest = PTHREAD_COND_INITIALIZER};
    err_t e = h->chunk != NULL ? sha256_init(&h->hash) : ERR_NOMEM;
    if (e == OK && !start_thread(h))
        e = ERR_NOMEM;
    if (e != OK) {
        free_parts(h);
        return e;
    }
    *ret = h;
    return OK;
}

void hasher_free(struct hasher **hasher)
{
    struct hasher *h = TAKE_PTR(*hasher);
    if (h == NULL)
        return;
    (void)pthread_mutex_lock(&h->lock);
    h->quit = true;
    (void)pthread_cond_signal(&h->more);
    (void)pthread_mutex_unlock(&h->lock);
    (void)pthread_join(h->thread, NULL);
    free_parts(h);
}

/* ── a file ── */

err_t hasher_begin(struct hasher *h, int fd, uint64_t size)
{
    TRY(sha256_reset(&h->hash));
    (void)pthread_mutex_lock(&h->lock);
    h->fd = fd;
    h->size = size;
    h->reached = h->hashed = 0;
    h->failed = OK;
    (void)pthread_mutex_unlock(&h->lock);
    return OK;
}

void hasher_reach(struct hasher *h, uint64_t prefix)
{
    assert(prefix <= h->size);
    (void)pthread_mutex_lock(&h->lock);
    h->reached = prefix;
    (void)pthread_cond_signal(&h->more);
    (void)pthread_mutex_unlock(&h->lock);
}

/* With the lock: the thread sleeps, and will until something more is reached. */
static void wait_until_idle(struct hasher *h)
{
    while (h->busy || has_work(h))
        (void)pthread_cond_wait(&h->rest, &h->lock);
}

err_t hasher_finish(struct hasher *h, uint8_t ret_digest[static SHA256_LEN])
{
    (void)pthread_mutex_lock(&h->lock);
    wait_until_idle(h);
    err_t e = h->failed;
    (void)pthread_mutex_unlock(&h->lock);
    return e == OK ? sha256_final(&h->hash, ret_digest) : e;
}

void hasher_drop(struct hasher *h)
{
    (void)pthread_mutex_lock(&h->lock);
    h->reached = h->hashed; /* no more than the chunk at hand */
    wait_until_idle(h);
    (void)pthread_mutex_unlock(&h->lock);
}
