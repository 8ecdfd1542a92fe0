/* How far a process stands behind the others, by what it takes of the cores and by how long its runs are. Pure bookkeeping. */
#ifndef VERONNX_SUPER_SHARE_H
#define VERONNX_SUPER_SHARE_H

#include "base/defs.h"

/* The places, as nice values: each step is a quarter more of a core for who stands in front. */
#define SHARE_MORE  8  /* who takes more than the others, at most */
#define SHARE_BEGIN 12 /* who starts, loads, and is new */
#define SHARE_SLOW  19 /* who has a long run */

struct share {
    uint64_t cpu_ns; /* that it had taken at `at_ns` */
    uint64_t at_ns;
    uint64_t new_until_ns;
    unsigned used; /* of late, in thousandths of a core: what is a second ago hardly counts */
    bool slow;     /* it has a long run */
    int nice;      /* its place, 0 in front */
    int set;       /* what the kernel was told */
};

/* From now on its time counts, and it is new for a while. */
void share_begin(struct share *s, uint64_t cpu_ns, uint64_t now_ns);
/* What it has taken until now. To be called ten times a second. */
void share_note(struct share *s, uint64_t cpu_ns, uint64_t now_ns);
/* Whether it is one of those whose use is compared: models that have served for a while, and have no long run. Else many that are
   loaded, used once and loaded again would make one that is in use all the time look as if it took too much. */
bool share_counts(const struct share *s);
/* What others do: whether any takes cores at all, and what those that count take, divided by their number (UINT_MAX: there are not two). */
struct share_others {
    bool any;
    unsigned part;
};

/* Its next place. Who takes more than its part goes back in big steps; who takes no more than half of it, or has nobody beside it, comes
   forward in small ones, as far as `first`. Who is new stays where it is, unless it has nobody beside it. */
int share_next(const struct share *s, const struct share_others *others, int first);

#endif
