/* Two threads with a queue each, and one queue back. */
#include "fetch/disk.h"

#include "base/mem.h"
#include "base/sha256.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
    struct disk_job *first;
    struct disk_job **end;
};

struct worker {
    struct disk *disk;
    struct queue queue;
    pthread_cond_t wake;
    pthread_t thread;
    bool started;
    struct sha256 hash;
};

enum { READER, WRITER, WORKERS };

struct disk {
    struct disk_setup setup;
    pthread_mutex_t lock;
    struct worker workers[WORKERS];
    struct queue done;
    int event;
    bool stop;
};

static void put(struct queue *q, struct disk_job *job)
{
    job->next = NULL;
    if (q->first == NULL)
        q->end = &q->first;
    *q->end = job;
    q->end = &job->next;
}

static struct disk_job *take(struct queue *q)
{
    struct disk_job *job = q->first;
    if (job != NULL)
        q->first = job->next;
    return job;
}

/* ── reading ── */

static err_t read_into(int fd, size_t size, struct body *body)
{
    struct iovec parts[BODY_CHUNKS_MAX];
    unsigned n = 0;
    TRY(body_room(body, size, parts, &n));
    if (n == 0)
        return OK;
    ssize_t got = readv(fd, parts, (int)n);
    return got >= 0 && (size_t)got == size ? OK : ERR_IO;
}

/* The size is known before the body is touched: the pool belongs to the loop's thread. */
static err_t read_file(struct worker *w, struct disk_job *job, int fd, size_t size)
{
    job->chunks = body_chunks(size);
    if (job->chunks > job->body->n_chunks)
        return ERR_TOO_LARGE;
    body_clear(job->body);
    TRY(read_into(fd, size, job->body));
    bool believed = (job->believed & UINT32_C(1) << job->source) != 0;
    return believed ? OK : body_check(job->body, &w->hash, job->digest);
}

static err_t look_into(struct worker *w, struct disk_job *job, size_t i)
{
    const struct disk_setup *setup = &w->disk->setup;
    AUTO_FD int fd = -1;
    size_t size = 0;
    job->source = i == 0 ? 0 : setup->folders[i - 1].source;
    err_t e = i == 0 ? cache_find(setup->cache, job->digest, &fd, &size)
                     : store_find(setup->folders[i - 1].store, job->digest, &fd, &size);
    if (e == OK)
        e = read_file(w, job, fd, size);
    if (e != OK && e != ERR_NOT_FOUND && e != ERR_TOO_LARGE)
        job->faults[job->source] = e;
    return e;
}

static void run_read(struct worker *w, struct disk_job *job)
{
    const struct disk_setup *setup = &w->disk->setup;
    for (size_t i = setup->cache != NULL ? 0 : 1; i <= setup->n_folders; i++) {
        job->result = look_into(w, job, i);
        if (job->result == OK || job->result == ERR_TOO_LARGE)
            return;
    }
    body_clear(job->body);
    job->result = ERR_NOT_FOUND;
}

/* ── writing ── */

static void run_write(struct worker *w, struct disk_job *job)
{
    struct iovec parts[BODY_CHUNKS_MAX];
    unsigned n = body_parts(job->body, 0, parts);
    job->result = body_check(job->body, &w->hash, job->digest);
    if (job->result == OK)
        job->result = cache_put(w->disk->setup.cache, job->digest, parts, n);
    job->os_error = errno;
}

static void run_remove(struct worker *w, struct disk_job *job)
{
    cache_remove(w->disk->setup.cache, job->digest);
    job->result = OK;
}

static void run_job(struct worker *w, struct disk_job *job)
{
    static void (*const kinds[])(struct worker *, struct disk_job *) = {
        [DISK_READ] = run_read, [DISK_WRITE] = run_write, [DISK_REMOVE] = run_remove};
    kinds[job->kind](w, job);
}

/* ── threads ── */

/* What the writer does when there is nothing to write. */
static bool run_idle(struct worker *w)
{
    struct disk *d = w->disk;
    return w == &d->workers[WRITER] && d->setup.cache != NULL && d->setup.cache->counted < CACHE_FOLDERS &&
           (cache_count(d->setup.cache), true);
}

static void report(struct disk *d, struct disk_job *job)
{
    bool first = d->done.first == NULL;
    put(&d->done, job);
    if (first)
        (void)eventfd_write(d->event, 1);
}

static void *work(void *user)
{
    struct worker *w = user;
    struct disk *d = w->disk;
    (void)pthread_mutex_lock(&d->lock);
    while (!d->stop) {
        struct disk_job *job = take(&w->queue);
        (void)pthread_mutex_unlock(&d->lock);
        bool did = job != NULL || run_idle(w);
        if (job != NULL)
            run_job(w, job);
        (void)pthread_mutex_lock(&d->lock);
        if (job != NULL)
            report(d, job);
        else if (!did && w->queue.first == NULL && !d->stop)
            (void)pthread_cond_wait(&w->wake, &d->lock);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return NULL;
}

static err_t start_worker(struct disk *d, struct worker *w)
{
    w->disk = d;
    TRY(sha256_init(&w->hash));
    w->started = pthread_create(&w->thread, NULL, work, w) == 0;
    return w->started ? OK : ERR_INTERNAL;
}

err_t disk_new(const struct disk_setup *setup, struct disk **ret)
{
    AUTO(disk_free) struct disk *d = mem_alloc(1, sizeof(*d));
    if (d == NULL)
        return ERR_NOMEM;
    d->setup = *setup;
    (void)pthread_mutex_init(&d->lock, NULL);
    for (unsigned i = 0; i < WORKERS; i++)
        (void)pthread_cond_init(&d->workers[i].wake, NULL);
    d->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (d->event < 0)
        return err_errno();
    for (unsigned i = 0; i < WORKERS; i++)
        TRY(start_worker(d, &d->workers[i]));
    *ret = TAKE_PTR(d);
    return OK;
}

void disk_free(struct disk **disk)
{
    struct disk *d = TAKE_PTR(*disk);
    if (d == NULL)
        return;
    (void)pthread_mutex_lock(&d->lock);
    d->stop = true;
    for (unsigned i = 0; i < WORKERS; i++)
        if (d->workers[i].started)
            (void)pthread_cond_signal(&d->workers[i].wake);
    (void)pthread_mutex_unlock(&d->lock);
    for (unsigned i = 0; i < WORKERS; i++) {
        if (d->workers[i].started)
            (void)pthread_join(d->workers[i].thread, NULL);
        sha256_done(&d->workers[i].hash);
        (void)pthread_cond_destroy(&d->workers[i].wake);
    }
    (void)pthread_mutex_destroy(&d->lock);
    fd_close(&d->event);
    mem_free(d);
}

/* ── the loop's side ── */

int disk_fd(const struct disk *d)
{
    return d->event;
}

void disk_push(struct disk *d, struct disk_job *job)
{
    struct worker *w = &d->workers[job->kind == DISK_READ ? READER : WRITER];
    memset(job->faults, 0, sizeof(job->faults));
    assert(job->kind == DISK_READ || d->setup.cache != NULL);
    (void)pthread_mutex_lock(&d->lock);
    put(&w->queue, job);
    (void)pthread_cond_signal(&w->wake);
    (void)pthread_mutex_unlock(&d->lock);
}

struct disk_job *disk_take(struct disk *d)
{
    eventfd_t count = 0;
    (void)pthread_mutex_lock(&d->lock);
    struct disk_job *job = take(&d->done);
    if (job == NULL)
        (void)eventfd_read(d->event, &count);
    (void)pthread_mutex_unlock(&d->lock);
    return job;
}
