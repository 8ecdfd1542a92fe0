/* The first lines of every child process. */
#include "main/child.h"

#include "base/defs.h"
#include "wire/roles.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* A terminal sends its signals to the whole group, but the end of a child is the supervisor's to decide; a write beyond a limit is
   an error, not an end. */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ};
    for (size_t i = 0; i < COUNT_OF(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
}

void child_begin(void)
{
    int type = 0;
    socklen_t n = sizeof(type);
    if (getsockopt(CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &n) != 0 || type != SOCK_SEQPACKET) {
        (void)fprintf(stderr, "This program is started by `veronnx serve`.\n");
        exit(2);
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
        exit(1);
    ignore_signals();
}
