/* ptrace, with the registers of x86-64. */
#include "selftest/live.h"

#include "base/defs.h"
#include "selftest/json.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 64
#define SYSCALL       0x050f /* the instruction's two bytes */

struct held {
    pid_t pid;
    bool gone;
    char name[32];
};

/* The node's first process, or a child of it. */
static bool is_of(pid_t node, pid_t pid)
{
    char path[64], line[512], *end = NULL;
    int parent = -1;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    if (fgets(line, sizeof(line), f) != NULL)
        end = strrchr(line, ')'); /* of the name, which may hold anything; a state and the parent follow */
    if (end != NULL)
        parent = atoi(end + 4);
    (void)fclose(f);
    return pid == node || parent == node;
}

static void read_name(struct held *p)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)p->pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    if (fgets(p->name, sizeof(p->name), f) != NULL)
        p->name[strcspn(p->name, "\n")] = '\0';
    (void)fclose(f);
}

static bool hold(struct held *p)
{
    int status = 0;
    read_name(p);
    return ptrace(PTRACE_SEIZE, p->pid, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, p->pid, NULL, NULL) == 0 &&
           waitpid(p->pid, &status, __WALL) == p->pid && WIFSTOPPED(status);
}

static size_t hold_all(pid_t node, struct held *list)
{
    size_t n = 0;
    struct dirent *entry = NULL;
    DIR *proc = opendir("/proc");
    while (proc != NULL && n < PROCESSES_MAX && (entry = readdir(proc)) != NULL) {
        list[n] = (struct held){.pid = atoi(entry->d_name)};
        n += list[n].pid > 0 && is_of(node, list[n].pid) && hold(&list[n]);
    }
    if (proc != NULL)
        (void)closedir(proc);
    return n;
}

/* A process that waits stands behind the instruction of its call, so that can be used once more. */
static const char *try_socket(struct held *p)
{
    struct user_regs_struct before, now;
    int status = 0;
    if (ptrace(PTRACE_GETREGS, p->pid, NULL, &before) != 0)
        return "no registers";
    now = before;
    now.rip -= 2;
    if ((ptrace(PTRACE_PEEKTEXT, p->pid, now.rip, NULL) & 0xffff) != SYSCALL)
        return "not in a call";
    now.orig_rax = UINT64_MAX;
    now.rax = SYS_socket;
    now.rdi = AF_VSOCK;
    now.rsi = SOCK_STREAM;
    now.rdx = 0;
    if (ptrace(PTRACE_SETREGS, p->pid, NULL, &now) != 0 || ptrace(PTRACE_SINGLESTEP, p->pid, NULL, NULL) != 0 ||
        waitpid(p->pid, &status, __WALL) != p->pid)
        return "not moved";
    p->gone = !WIFSTOPPED(status);
    if (p->gone)
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? "killed" : "ended";
    if (ptrace(PTRACE_GETREGS, p->pid, NULL, &now) != 0 || ptrace(PTRACE_SETREGS, p->pid, NULL, &before) != 0)
        return "no registers";
    return (int64_t)now.rax < 0 ? strerrorname_np((int)-(int64_t)now.rax) : "0";
}

void live_print(pid_t node)
{
    static struct held list[PROCESSES_MAX];
    char text[64];
    const char *separator = "";
    size_t n = node > 0 ? hold_all(node, list) : 0;
    (void)putchar('[');
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(text, sizeof(text), "%s: %s", list[i].name, try_socket(&list[i]));
        json_separate(&separator);
        json_text(text, (size_t)len);
    }
    (void)putchar(']');
    for (size_t i = 0; i < n; i++)
        if (!list[i].gone)
            (void)ptrace(PTRACE_DETACH, list[i].pid, NULL, NULL);
}
