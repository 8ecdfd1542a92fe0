/* One thread, one file, one lock. */
#include "pull/hasher.h"

#include "base/fd.h"
#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <sys/mman.h>

#define CHUNK (256 * KIB) /* what hasher_drop may have to wait for */
#define STACK (128 * KIB)

struct hasher {
    struct sha256 hash;
    struct map file;
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

static void work(struct hasher *h)
{
    size_t n = MIN(h->reached - h->hashed, CHUNK);
    h->busy = true;
    (void)pthread_mutex_unlock(&h->lock);
    err_t e = sha256_update(&h->hash, h->file.addr + h->hashed, n);
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

err_t hasher_new(struct hasher **ret)
{
    struct hasher *h = mem_alloc(1, sizeof(*h));
    if (h == NULL)
        return ERR_NOMEM;
    *h = (struct hasher){
        .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .rest = PTHREAD_COND_INITIALIZER};
    err_t e = sha256_init(&h->hash);
    if (e == OK && !start_thread(h))
        e = ERR_NOMEM;
    if (e == OK) {
        *ret = h;
        return OK;
    }
    sha256_done(&h->hash);
    mem_free(h);
    return e;
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
    map_done(&h->file);
    sha256_done(&h->hash);
    mem_free(h);
}

/* ── a file ── */

err_t hasher_begin(struct hasher *h, int fd, uint64_t size)
{
    TRY(sha256_reset(&h->hash));
    if (size > 0)
        TRY(map_shared(fd, size, PROT_READ, &h->file));
    (void)pthread_mutex_lock(&h->lock);
    h->reached = h->hashed = 0;
    h->failed = OK;
    (void)pthread_mutex_unlock(&h->lock);
    return OK;
}

void hasher_reach(struct hasher *h, uint64_t prefix)
{
    assert(prefix <= h->file.size);
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
    map_done(&h->file);
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
