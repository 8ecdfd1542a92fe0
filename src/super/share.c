/* Places in the order of the cores. */
#include "super/share.h"

#define BACK    4
#define FORWARD 2
#define NEW_NS  UINT64_C(3000000000)

void share_begin(struct share *s, uint64_t cpu_ns, uint64_t now_ns)
{
    s->cpu_ns = cpu_ns;
    s->at_ns = now_ns;
    s->new_until_ns = now_ns + NEW_NS;
    s->used = 0;
}

void share_note(struct share *s, uint64_t cpu_ns, uint64_t now_ns)
{
    if (now_ns <= s->at_ns || cpu_ns < s->cpu_ns)
        return;
    unsigned now = (unsigned)((cpu_ns - s->cpu_ns) * 1000 / (now_ns - s->at_ns));
    s->used = (s->used * 3 + now) / 4;
    s->cpu_ns = cpu_ns;
    s->at_ns = now_ns;
}

static bool is_new(const struct share *s)
{
    return s->at_ns < s->new_until_ns;
}

bool share_counts(const struct share *s)
{
    return s->used > 0 && !s->slow && !is_new(s);
}

int share_next(const struct share *s, const struct share_others *others, int first)
{
    int nice = s->nice;
    if (s->slow && others->any)
        return SHARE_SLOW;
    if (!others->any || (s->used <= others->part / 2 && !is_new(s)))
        nice -= FORWARD;
    else if (s->used > others->part && nice < SHARE_MORE)
        nice = MIN(nice + BACK, SHARE_MORE);
    return MAX(nice, first);
}
