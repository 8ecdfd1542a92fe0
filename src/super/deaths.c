/* A ring of the last times. */
#include "super/deaths.h"

#include "base/defs.h"

#define PAUSE_FIRST_MS 100U
#define PAUSE_LAST_MS  10000U
#define MINUTE_MS      60000U

bool deaths_note(struct deaths *d, uint64_t now_ms, uint32_t *ret_pause_ms)
{
    unsigned recent = 0;
    d->at_ms[d->count++ % DEATHS_MAX] = now_ms;
    for (unsigned i = 0; i < MIN(d->count, DEATHS_MAX); i++)
        recent += now_ms - d->at_ms[i] < MINUTE_MS;
    *ret_pause_ms = MIN(PAUSE_FIRST_MS << (recent - 1), PAUSE_LAST_MS);
    return recent < DEATHS_MAX;
}
