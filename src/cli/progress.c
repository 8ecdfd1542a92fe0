/* Bytes, rate, sources and the time left. */
#include "cli/progress.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FIRST_MS 2000
#define EVERY_MS 200

void progress_begin(struct progress *p, const char *name)
{
    *p = (struct progress){.name = name, .began_ms = clock_mono_ms()};
}

static void show_time(uint64_t seconds)
{
    if (seconds < 120)
        (void)fprintf(stderr, ", %" PRIu64 " s left", seconds);
    else
        (void)fprintf(stderr, ", %" PRIu64 " min left", seconds / 60);
}

void progress_show(struct progress *p, uint64_t done, uint64_t size, unsigned sources)
{
    uint64_t now = clock_mono_ms(), spent = now - p->began_ms;
    if (spent < FIRST_MS || now - p->shown_ms < EVERY_MS || isatty(STDERR_FILENO) == 0)
        return;
    p->shown_ms = now;
    (void)fprintf(stderr, "\r\033[K%s: %" PRIu64 " MiB", p->name, done / MIB);
    if (size > 0)
        (void)fprintf(stderr, " of %" PRIu64 " MiB (%" PRIu64 " %%)", size / MIB,
                      (uint64_t)((double)done / (double)size * 100));
    (void)fprintf(stderr, ", %" PRIu64 " MiB/s", done * 1000 / spent / MIB);
    if (sources > 0)
        (void)fprintf(stderr, ", %u source%s", sources, sources > 1 ? "s" : "");
    if (size > done && done > 0)
        show_time((uint64_t)((double)(size - done) / (double)done * (double)spent / 1000));
}

void progress_clear(struct progress *p)
{
    if (p->shown_ms > 0)
        (void)fputs("\r\033[K", stderr);
    p->shown_ms = 0;
}
