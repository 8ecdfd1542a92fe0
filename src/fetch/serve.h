/* The loop: the supervisor's messages and the streams of all infer processes. One thread; no stream can hold up
   another. */
#ifndef VERONNX_FETCH_SERVE_H
#define VERONNX_FETCH_SERVE_H

#include "store/store.h"
#include "wire/frame.h"

/* Streams that are served at the same time; each holds at most one block. More wait in the control channel. */
#define SERVE_CLIENTS 24

/* Says FETCH_READY, then takes a stream with each FETCH_SERVE, until the control channel ends: OK then, else what
   broke it. */
err_t serve_run(const struct wire_end *control, const struct store *store);

#endif
