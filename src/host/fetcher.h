/* veronnx-fetch for the enclave: started again when it ends, given each stream that the enclave opens. */
#ifndef VERONNX_HOST_FETCHER_H
#define VERONNX_HOST_FETCHER_H

#include "host/loop.h"
#include "wire/launch.h"

struct fetcher {
    struct watch control; /* of the process; the descriptors are `process`'s */
    struct watch log;
    struct launched process;
    struct wire_inbox inbox;
    char exe[LAUNCH_PATH_MAX];
    const char *const *args; /* behind argv[0], ends with NULL */
    const char *dir;         /* an empty folder */
    bool ready;
    uint32_t pause_s; /* before it is started again */
    uint32_t wait_s;
    uint32_t served;
};

/* Starts it. `args` and `dir` live as long as this. */
err_t fetcher_open(struct fetcher *f, struct loop *l, const char *const *args, const char *dir);
void fetcher_close(struct fetcher *f);
/* Hands on a stream of the block protocol; without a fetcher that is ready it is only closed, and the enclave asks
 * again. */
void fetcher_serve(struct fetcher *f, int *stream);
/* Once a second. */
void fetcher_tick(struct fetcher *f);

#endif
