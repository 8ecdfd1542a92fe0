/* A loop of the host in a process of its own, sockets of the enclave played by the test. */
#ifndef VERONNX_TEST_HOST_RIG_H
#define VERONNX_TEST_HOST_RIG_H

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "host/loop.h"
#include "wire/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 10

static char rig_dir[] = "/tmp/veronnx-rig-XXXXXX";

static inline int rig_open(void **state UNUSED)
{
    (void)signal(SIGPIPE, SIG_IGN);
    return mkdtemp(rig_dir) != NULL ? 0 : -1;
}

static inline struct address rig_address(const char *kind, const char *name, enum address_use use)
{
    char text[ADDRESS_TEXT_MAX];
    struct address a;
    (void)snprintf(text, sizeof(text), "%s:%s/%s", kind, rig_dir, name);
    assert_int_equal((int)address_parse(view_of(text, strlen(text)), use, &a), OK);
    return a;
}

static inline int rig_listen(const char *name)
{
    struct address a = rig_address("unix", name, ADDRESS_LISTEN);
    int fd = -1;
    uint32_t port = 0;
    assert_int_equal((int)address_listen(&a, &fd, &port), OK);
    assert_int_equal((int)fd_set_nonblocking(fd, false), OK);
    return fd;
}

static inline void rig_patience(int fd)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
}

static inline int rig_connect(const struct address *to)
{
    int fd = -1;
    assert_int_equal((int)address_reach(to, clock_mono_ms() + PATIENCE_S * 1000, &fd), OK);
    rig_patience(fd);
    return fd;
}

static inline int rig_accept(int listener)
{
    rig_patience(listener);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    rig_patience(fd);
    return fd;
}

static inline void assert_ends(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

static inline void rig_end(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static inline int rig_close(void **state UNUSED)
{
    static const char *const names[] = {"enclave", "entrance", "config", "blocks", "log", "boot", "control", "other"};
    char path[256];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", rig_dir, names[i]);
        (void)unlink(path);
    }
    return rmdir(rig_dir);
}

#endif
