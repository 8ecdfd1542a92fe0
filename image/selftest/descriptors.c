/* Descriptors of other processes, borrowed with pidfd_getfd. */
#include "selftest/descriptors.h"

#include "base/fd.h"
#include "selftest/json.h"

#include <dirent.h>
#include <linux/vm_sockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT_MAX 256

struct name {
    int value;
    const char *text;
};
static const struct name families[] = {{AF_UNIX, "unix"}, {AF_VSOCK, "vsock"}, {AF_NETLINK, "netlink"}, {0, NULL}};
static const struct name types[] = {
    {SOCK_STREAM, "stream"}, {SOCK_SEQPACKET, "seqpacket"}, {SOCK_DGRAM, "dgram"}, {SOCK_RAW, "raw"}, {0, NULL}};

static const char *name_of(const struct name *names, int value)
{
    while (names->text != NULL && names->value != value)
        names++;
    return names->text != NULL ? names->text : "other";
}

static int option(int fd, int which)
{
    int value = -1;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, which, &value, &size) == 0 ? value : -1;
}

static void describe_socket(int fd, char ret[static TEXT_MAX])
{
    struct sockaddr_vm vm = {0};
    socklen_t size = sizeof(vm);
    int family = option(fd, SO_DOMAIN);
    bool listens = option(fd, SO_ACCEPTCONN) == 1;
    int n = snprintf(ret, TEXT_MAX, "%s %s%s", name_of(families, family), name_of(types, option(fd, SO_TYPE)),
                     listens ? " listens" : "");
    if (family != AF_VSOCK)
        return;
    if (listens && getsockname(fd, (struct sockaddr *)&vm, &size) == 0)
        (void)snprintf(ret + n, TEXT_MAX - (size_t)n, " %u", vm.svm_port);
    else if (!listens && getpeername(fd, (struct sockaddr *)&vm, &size) == 0)
        (void)snprintf(ret + n, TEXT_MAX - (size_t)n, " to %u:%u", vm.svm_cid, vm.svm_port);
}

static void describe_file(const char *pid, const char *number, char ret[static TEXT_MAX])
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, number);
    ssize_t n = readlink(path, ret, TEXT_MAX - 1);
    ret[n > 0 ? n : 0] = '\0';
    char *inode = strstr(ret, ":[");
    if (inode != NULL && inode[2] >= '0' && inode[2] <= '9')
        *inode = '\0';
}

static void describe(int process, const char *pid, const char *number, char ret[static TEXT_MAX])
{
    describe_file(pid, number, ret);
    if (strcmp(ret, "socket") != 0)
        return;
    AUTO_FD int fd = (int)syscall(SYS_pidfd_getfd, process, atoi(number), 0);
    if (fd >= 0)
        describe_socket(fd, ret);
}

void descriptors_print(const char *pid)
{
    char path[64], text[TEXT_MAX];
    const char *separator = "";
    struct dirent **names = NULL;
    AUTO_FD int process = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
    (void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    int n = scandir(path, &names, NULL, versionsort);
    (void)putchar('[');
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.') {
            describe(process, pid, names[i]->d_name, text);
            json_separate(&separator);
            json_text(text, strlen(text));
        }
        free(names[i]);
    }
    free(names);
    (void)putchar(']');
}
