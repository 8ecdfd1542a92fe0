/* Counting. */
#include "wire/metrics.h"

#include <assert.h>

unsigned metric_code(int status)
{
    static const int codes[] = METRIC_CODE_LIST;
    static_assert(COUNT_OF(codes) == METRIC_CODES, "a place for each");
    unsigned n = 0;
    while (n < METRIC_CODES - 1 && codes[n] != status)
        n++;
    return n;
}

void metric_time(struct metric_times *t, uint64_t us)
{
    static const uint64_t bounds[METRIC_BOUNDS] = METRIC_BOUND_LIST;
    unsigned n = 0;
    while (n < METRIC_BOUNDS && us > bounds[n])
        n++;
    t->counts[n]++;
    t->sum_us += us;
}
