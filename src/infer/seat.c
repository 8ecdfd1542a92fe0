/* Counting who holds a front. */
#include "infer/seat.h"

#include "base/mem.h"

err_t front_new(int *job_fd, int *cancel_fd, struct front **ret)
{
    struct front *f = mem_alloc(1, sizeof(*f));
    if (f == NULL)
        return ERR_NOMEM;
    f->job = (struct wire_end){TAKE_FD(*job_fd), CHAN_JOB, SIDE_B};
    f->cancel = (struct wire_end){TAKE_FD(*cancel_fd), CHAN_CANCEL, SIDE_B};
    f->holders = 1;
    *ret = f;
    return OK;
}

static void front_free(struct front *f)
{
    wire_end_close(&f->job);
    wire_end_close(&f->cancel);
    for (size_t i = 0; i < SLOTS_MAX; i++)
        slot_done(&f->slots[i]);
    mem_free(f);
}

void seat_init(struct seat *s)
{
    *s = (struct seat){.lock = PTHREAD_MUTEX_INITIALIZER, .taken = PTHREAD_COND_INITIALIZER};
}

/* With the lock. */
static void let_go(struct front *f)
{
    if (--f->holders == 0)
        front_free(f);
}

void seat_put(struct seat *s, struct front *f)
{
    (void)pthread_mutex_lock(&s->lock);
    struct front **end = &s->first;
    for (; *end != NULL; end = &(*end)->next)
        atomic_store(&(*end)->dead, true);
    f->holders++;
    *end = f;
    (void)pthread_cond_broadcast(&s->taken);
    (void)pthread_mutex_unlock(&s->lock);
}

struct front *seat_enter(struct seat *s)
{
    (void)pthread_mutex_lock(&s->lock);
    while (s->first == NULL && !s->warm)
        (void)pthread_cond_wait(&s->taken, &s->lock);
    struct front *f = s->warm ? NULL : s->first;
    s->warm = false;
    if (f != NULL)
        f->holders++;
    (void)pthread_mutex_unlock(&s->lock);
    return f;
}

void seat_warm(struct seat *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->warm = true;
    (void)pthread_cond_signal(&s->taken);
    (void)pthread_mutex_unlock(&s->lock);
}

bool seat_empty(struct seat *s)
{
    (void)pthread_mutex_lock(&s->lock);
    bool empty = s->first == NULL;
    (void)pthread_mutex_unlock(&s->lock);
    return empty;
}

/* With the lock; false when another worker has done it. */
static bool unlink_front(struct seat *s, const struct front *f)
{
    for (struct front **at = &s->first; *at != NULL; at = &(*at)->next)
        if (*at == f) {
            *at = f->next;
            return true;
        }
    return false;
}

void seat_leave(struct seat *s, struct front *f)
{
    (void)pthread_mutex_lock(&s->lock);
    if (unlink_front(s, f))
        let_go(f);
    let_go(f);
    (void)pthread_mutex_unlock(&s->lock);
}

void seat_let_go(struct seat *s, struct front *f)
{
    (void)pthread_mutex_lock(&s->lock);
    let_go(f);
    (void)pthread_mutex_unlock(&s->lock);
}
