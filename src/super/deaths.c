/* A ring of the last times. */
#include "super/deaths.h"

#include "base/defs.h"

#define PAUSE_FIRST_MS 100U
#define PAUSE_LAST_MS  10000U
#define MINUTE_MS      60000U

bool deaths_note(struct deaths *d, uint64_t now_ms, uint32_t *ret_pause_ms)
{
    unsigned earlier = 0;
    for (unsigned i = 0; i < MIN(d->count, DEATHS_MAX); i++)
        earlier += now_ms - d->at_ms[i] < MINUTE_MS;
    d->at_ms[d->count++ % DEATHS_MAX] = now_ms;
    *ret_pause_ms = MIN(PAUSE_FIRST_MS << earlier, PAUSE_LAST_MS);
    return earlier + 1 < DEATHS_MAX;
}
