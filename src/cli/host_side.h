/* veronnx-host as a process of the run folder: started for one enclave, led to another, asked what the enclave says. */
#ifndef VERONNX_CLI_HOST_SIDE_H
#define VERONNX_CLI_HOST_SIDE_H

#include "cli/host_folder.h"

struct host_asked {
    const char *listen[HOST_PUBLIC_MAX]; /* HOST:PORT */
    size_t n_listen;
    const char *admin;       /* HOST:PORT */
    const char *const *more; /* options for veronnx-host and veronnx-config, end with NULL */
};

/* Starts it with all rows leading to `cid`; `s` has the settings and gets the rest. ERR_USAGE or ERR_CLOSED with its
   own sentence when it ends at once. */
err_t host_side_start(const struct host_folder *f, const struct host_asked *asked, uint32_t cid, struct host_side *s,
                      struct why *why);
/* Takes no more connections, lets open ones end, and is gone. */
void host_side_stop(const struct host_side *s);

/* From now on these rows lead to `cid`. */
err_t host_side_serve(const struct host_folder *f, const struct host_side *s, uint32_t cid, struct why *why);
err_t host_side_probe(const struct host_folder *f, const struct host_side *s, uint32_t cid, struct why *why);

/* The status of GET (or an empty POST) `path` at this URL; 0 when nobody answers within three seconds. */
long host_side_ask(const char *url, const char *path, bool post);

#endif
