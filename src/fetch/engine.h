/* From wants to answers: looks into folders, asks sources, asks another one when the first is slow or wrong, and keeps
   what comes in the cache. One thread; no stream and no source can hold up another.

   A block is checked where that costs the way to infer no time: by the disk's threads, when it is read from the cache
   and before it is written there. Infer checks every block anyway. A source, a store among them, is believed until the
   first lie that any of them finds; from then on its blocks are checked here first, and one with a URL is asked last
   for a while. */
#ifndef VERONNX_FETCH_ENGINE_H
#define VERONNX_FETCH_ENGINE_H

#include "fetch/answer.h"
#include "fetch/client.h"
#include "fetch/source.h"

#define ENGINE_CLIENTS   24   /* streams at a time */
#define ENGINE_CHUNKS    1280 /* of POOL_CHUNK bytes: all memory for blocks */
#define ENGINE_WRITES    512  /* chunks that may wait to be written to the cache; what is over is not kept */
#define ENGINE_SLOW_MS   2000 /* without a byte: another source is asked as well */
#define ENGINE_DRIP_MS   5000 /* the same with less than ENGINE_DRIP bytes a second in all */
#define ENGINE_DRIP      (20 * KIB)
#define ENGINE_IDLE_MS   (BLOCK_IDLE_MS - 2000) /* nothing from anybody: the sources are dead */
#define ENGINE_STARVE_MS 1000  /* waiting for memory: then a try begins again, with room for the largest block */
#define ENGINE_FULL_MS   60000 /* nothing is written to a disk that was full so long ago */
#define ENGINE_POINTS    16    /* against a source: it is not asked for this block any more */

/* One request for one block. */
struct attempt {
    struct engine *engine;
    struct want *want; /* NULL: the place is free */
    struct source *source;
    struct body *body;
    struct http_call *call;
    enum answer answer;
    size_t dropped; /* bytes of an answer that is no block */
    uint64_t began_ms;
    uint64_t came_ms;    /* when a byte came last */
    uint64_t starved_ms; /* waits for memory since then; 0: it does not */
};

struct engine {
    struct pool pool;
    struct sources *sources;
    size_t first_url;  /* sources before it are folders */
    struct disk *disk; /* or NULL */
    struct http *http; /* NULL without a URL */
    bool cache;
    struct client clients[ENGINE_CLIENTS];
    size_t n_clients;
    size_t turn; /* the client that is served first */
    struct attempt attempts[HTTP_CALLS_MAX];
    struct sha256 hash;
    size_t jobs;           /* that the disk has */
    size_t waiting_writes; /* chunks */
    uint64_t skipped;      /* blocks that were not kept, since the log last said so */
    uint64_t full_until_ms;
    uint64_t now_ms;
};

struct engine_setup {
    struct sources *sources; /* borrowed, like the others */
    struct cache *cache;     /* or NULL */
    const char *ca_file;     /* or NULL */
    int epoll;
};
/* To be called inside the jail, for it starts threads. Adds its descriptors to `epoll`, with their number as data. The
   engine stays where it is. ERR_NOMEM, ERR_INTERNAL. */
err_t engine_init(struct engine *e, const struct engine_setup *setup);
/* Accepts a zeroed struct. */
void engine_done(struct engine *e);

/* A new stream; takes the descriptor. There must be room: n_clients < ENGINE_CLIENTS. */
struct client *engine_add(struct engine *e, int *fd, uint32_t infer);
/* The last client takes the place of the one that goes. */
void engine_drop(struct engine *e, struct client *c);
/* Reads from the stream. ERR_CLOSED, ERR_PROTOCOL: it is to be dropped. */
err_t engine_read(struct engine *e, struct client *c);

/* epoll said this of a descriptor that is none of the caller's own. */
void engine_ready(struct engine *e, int fd, uint32_t events);
/* When the loop comes round: takes what has come; then, when answers were sent, begins everything that can be begun. */
void engine_take(struct engine *e);
void engine_begin(struct engine *e);
/* How long epoll may wait; -1: for ever. */
int engine_timeout(const struct engine *e);

/* ── between its files ── */

/* attempt.c */

/* Asks a source. ERR_WOULD_BLOCK: no memory now; ERR_OVERLOADED: no more requests. */
err_t attempt_start(struct engine *e, struct want *w, struct source *s);
/* Ends it without a word. */
void attempt_stop(struct attempt *a);
/* Another source has answered first: a failure of this one, if it is slow. */
void attempt_outrun(const struct attempt *a);
/* A slow one gives back memory, for another source to be asked with: nothing came yet and it goes on without, or it
   stopped halfway and ends. */
void attempt_make_way(struct attempt *a);
bool attempt_slow(const struct attempt *a, uint64_t now_ms);

/* keep.c: the folders */

/* Looks for a want. ERR_WOULD_BLOCK: no memory now. */
err_t keep_look(struct engine *e, struct want *w);
/* Keeps a block of this source, if it is right. */
void keep_block(struct engine *e, const struct cid *cid, struct body *body, uint32_t source);
/* It was refused. */
void keep_remove(struct engine *e, const struct cid *cid);
/* Takes what the disk has done. */
void keep_run(struct engine *e);

/* engine.c */

/* A source has sent something else than the block that was asked for. */
void engine_lie(struct engine *e, uint32_t source, uint32_t infer);
/* The want has its block. */
void engine_answer(struct engine *e, struct want *w, uint32_t source, struct body **body);
/* Chunks that a client holds. */
size_t engine_held(const struct engine *e, const struct client *c);

#endif
