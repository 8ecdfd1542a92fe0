/* A process of a node as a child of somebody who has no loop of the supervisor's: its control channel is descriptor 3,
   its log 4, 0 and 1 are /dev/null, and it finds itself in the folder that it is told. */
#ifndef VERONNX_WIRE_LAUNCH_H
#define VERONNX_WIRE_LAUNCH_H

#include "wire/frame.h"

#include <sys/types.h>

#define LAUNCH_PATH_MAX 4096

struct launched {
    pid_t pid; /* 0: none */
    struct wire_end control;
    int log_fd; /* records of base/log.h */
};
#define LAUNCHED_NONE ((struct launched){.control = {.fd = -1}, .log_fd = -1})

/* The path of an executable that stands beside this one. */
err_t launch_beside(const char *name, char ret[static LAUNCH_PATH_MAX]);
/* `dir` NULL: the caller's. On an error nothing is left of it. */
err_t launch_start(const char *exe, char *const *argv, char *const *env, const char *dir, enum wire_chan chan,
                   struct launched *ret);
/* Closes its channels, without which it ends by itself, and waits for that; accepts LAUNCHED_NONE. */
void launch_stop(struct launched *s);

#endif
