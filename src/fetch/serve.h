/* The loop: the supervisor's messages, the streams of all infer processes, the sources. One thread; no stream can hold
   up another. */
#ifndef VERONNX_FETCH_SERVE_H
#define VERONNX_FETCH_SERVE_H

#include "fetch/source.h"
#include "store/cache.h"
#include "wire/frame.h"

struct serve_setup {
    struct wire_end control;
    struct sources *sources; /* borrowed, like the others */
    struct cache *cache;     /* or NULL */
    const char *ca_file;     /* or NULL */
};

/* Says FETCH_READY, then takes a stream with each FETCH_SERVE (ENGINE_CLIENTS at a time; more wait in the channel),
   until the control channel ends: OK then, else what broke it. */
err_t serve_run(const struct serve_setup *setup);

#endif
