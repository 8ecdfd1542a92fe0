/* A way out, tried by the node's own processes. */
#ifndef VERONNX_SELFTEST_LIVE_H
#define VERONNX_SELFTEST_LIVE_H

#include <sys/types.h>

/* Lets the process `node` and each of its children call socket(AF_VSOCK, SOCK_STREAM, 0) where it waits just now, and
   prints a list of what came of it: "killed", or the error's name, "0" where it was let. All are held meanwhile, so
   that none sees another's end. Who was killed stays so: the node is done for. An empty list for no node (0). */
void live_print(pid_t node);

#endif
