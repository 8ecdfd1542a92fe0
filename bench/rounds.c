/* The command loop and the percentiles. */
#include "rounds.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_ROOM 4096

void give_up(const char *what, const char *which)
{
    (void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, which);
    exit(2);
}

void times_add(struct times *t, uint64_t ns)
{
    if (t->count == t->room) {
        t->room = t->room > 0 ? 2 * t->room : FIRST_ROOM;
        t->ns = mem_resize(t->ns, t->room * sizeof(*t->ns));
        if (t->ns == NULL)
            give_up("times", err_text(ERR_NOMEM));
    }
    t->ns[t->count++] = ns;
}

static void times_append(struct times *t, const struct times *more)
{
    for (size_t i = 0; i < more->count; i++)
        times_add(t, more->ns[i]);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Nearest rank; the times are sorted. */
static double percentile_us(const struct times *t, unsigned percent)
{
    size_t rank = (t->count * percent + 99) / 100;
    return t->count > 0 ? (double)t->ns[MAX(rank, 1U) - 1] / 1e3 : 0;
}

struct state {
    round_run *run;
    void *self;
    struct times all;
    struct times last;
};

static err_t warm(struct state *s, uint64_t ms)
{
    s->last.count = 0;
    TRY(s->run(s->self, clock_mono_ns() + ms * 1000000, &s->last));
    (void)printf("{}\n");
    return OK;
}

static err_t go(struct state *s, uint64_t ms)
{
    s->last.count = 0;
    s->last.idle_ns = s->last.others = 0;
    uint64_t start = clock_mono_ns();
    TRY(s->run(s->self, start + ms * 1000000, &s->last));
    double elapsed_us = (double)(clock_mono_ns() - start) / 1e3;
    times_append(&s->all, &s->last);
    qsort(s->last.ns, s->last.count, sizeof(*s->last.ns), by_value);
    (void)printf(
        "{\"count\":%zu,\"others\":%zu,\"elapsed_us\":%.1f,\"idle_us\":%.1f,\"p50_us\":%.2f,\"p99_us\":%.2f}\n",
        s->last.count, s->last.others, elapsed_us, (double)s->last.idle_ns / 1e3, percentile_us(&s->last, 50),
        percentile_us(&s->last, 99));
    return OK;
}

static err_t sum(struct state *s, uint64_t ms UNUSED)
{
    struct times *t = &s->all;
    qsort(t->ns, t->count, sizeof(*t->ns), by_value);
    (void)printf("{\"count\":%zu,\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.2f}\n", t->count,
                 percentile_us(t, 50), percentile_us(t, 90), percentile_us(t, 99), percentile_us(t, 100));
    return OK;
}

static const struct {
    const char *name;
    err_t (*obey)(struct state *s, uint64_t ms);
} commands[] = {{"warm ", warm}, {"go ", go}, {"sum", sum}};

static err_t obey(struct state *s, const char *line)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        size_t n = strlen(commands[i].name);
        if (strncmp(line, commands[i].name, n) == 0)
            return commands[i].obey(s, strtoull(line + n, NULL, 10));
    }
    return ERR_USAGE;
}

int rounds_serve(const char *about, round_run *run, void *self)
{
    struct state s = {.run = run, .self = self};
    char line[64];
    err_t e = OK;
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    (void)printf("{\"ready\":\"%s\"}\n", about);
    while (e == OK && fgets(line, sizeof(line), stdin) != NULL)
        e = obey(&s, line);
    if (e != OK)
        (void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, err_name(e));
    mem_free(s.all.ns);
    mem_free(s.last.ns);
    return e == OK ? 0 : 1;
}

struct buf read_file(const char *path, size_t pad)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st = {0};
    struct buf b = {0};
    uint8_t *room = NULL;
    if (fd < 0 || fstat(fd, &st) != 0)
        give_up(path, strerror(errno));
    size_t size = (size_t)st.st_size;
    buf_init(&b, size + pad + 1);
    if (buf_reserve(&b, size + pad + 1, &room) != OK || fd_read_all(fd, room, size) != OK)
        give_up(path, "cannot be read");
    buf_commit(&b, size);
    return b;
}
