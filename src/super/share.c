/* Places in the order of the cores. */
#include "super/share.h"

#define BACK    4
#define FORWARD 2

void share_begin(struct share *s, uint64_t cpu_ns, uint64_t now_ns)
{
    s->cpu_ns = cpu_ns;
    s->at_ns = now_ns;
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

bool share_counts(const struct share *s)
{
    return s->used > 0 && !s->slow;
}

int share_next(const struct share *s, const struct share_others *others, int first)
{
    if (s->slow && others->any)
        return SHARE_SLOW;
    if (s->used <= others->part / 2 || !others->any)
        return MAX(s->nice - FORWARD, first);
    return s->used > others->part && s->nice < SHARE_MORE ? MIN(s->nice + BACK, SHARE_MORE) : s->nice;
}
