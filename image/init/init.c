/* The first program of an enclave: what the node needs of a machine, what it must not start without, one supervisor,
   and the end of the enclave when that ends. Every image has the same one; ramdisk 1 says in /image what the image is
   for. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmdline.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_MAX        4096

#define PARENT_CID        3
#define HEARTBEAT_PORT    9000
#define HEARTBEAT_BYTE    0xB7
#define HEARTBEAT_SECONDS 10

/* The node's command line, which no host can change: what it listens on, and where at the parent it asks. */
#define NODE                                                                                                           \
    "/bin/veronnx-super", "--state", "/run/state", "--listen", "vsock:443", "--listen", "vsock:8000",                  \
        "--admin-listen", "vsock:9001", "--blocks-from", "vsock:3:9003", "--log-to", "vsock:3:9004"
#define CONFIGURED "--config", "vsock:3:9002"

/* What an image is for. `argv` is what is started; a simulation may run under an emulator, which has no clock of KVM's.
 */
static const struct kind {
    const char *name;
    bool needs_clock;
    const char *argv[24];
} kinds[] = {
    {"release", true, {NODE, CONFIGURED}},
    {"sim", false, {NODE, CONFIGURED, "--simulate"}},
    {"selftest", false, {"/bin/veronnx-selftest", NODE, "--simulate"}},
};

/* Milliseconds since the kernel started. */
static long long uptime_ms(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void say(const char *what, const char *which)
{
    (void)dprintf(STDERR_FILENO, "veronnx-init: %lld ms: %s %s\n", uptime_ms(), what, which);
}

/* The end of the enclave. The pause lets the console out. */
_Noreturn static void end(const char *what, const char *which)
{
    say(what, which);
    say("the enclave ends", "");
    (void)sleep(1);
    (void)reboot(RB_AUTOBOOT);
    _exit(1); /* the kernel panics */
}

/* ── the file system ── */

static const struct {
    const char *type, *at, *options;
    unsigned long flags;
} mounts[] = {
    {"devtmpfs", "/dev", NULL, MS_NOSUID | MS_NOEXEC},
    {"proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY},
    {"tmpfs", "/tmp", "mode=0755,size=1m", MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"tmpfs", "/run", "mode=0755,size=16m", MS_NOSUID | MS_NODEV | MS_NOEXEC},
};

static void mount_all(void)
{
    for (size_t i = 0; i < COUNT_OF(mounts); i++) {
        (void)mkdir(mounts[i].at, 0755);
        if (mount(mounts[i].type, mounts[i].at, mounts[i].type, mounts[i].flags, mounts[i].options) != 0)
            end("cannot mount", mounts[i].at);
    }
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) != 0)
        end("cannot make read-only", "/");
}

/* The kernel opens the console as 0, 1 and 2 if ramdisk 0 has it. Nothing reads it. */
static void open_console(void)
{
    int out = open("/dev/console", O_WRONLY | O_NOCTTY);
    int in = open("/dev/null", O_RDONLY);
    if (in < 0 || dup2(in, STDIN_FILENO) < 0)
        end("cannot open", "/dev/null");
    if (out >= 0 && (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0))
        end("cannot open", "/dev/console");
    (void)close_range(3, ~0U, 0);
}

/* The first line of a file without its end; empty if there is none. */
static void read_line(const char *path, char ret[static TEXT_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, ret, TEXT_MAX - 1) : 0;
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
    if (fd >= 0)
        (void)close(fd);
}

/* ── the parent ── */

/* One byte there and back within the time: whoever started the enclave then knows that it runs. Says nothing to the
 * node. */
static bool heartbeat(void)
{
    const struct sockaddr_vm parent = {.svm_family = AF_VSOCK, .svm_cid = PARENT_CID, .svm_port = HEARTBEAT_PORT};
    const struct timeval patience = {.tv_sec = HEARTBEAT_SECONDS};
    uint8_t byte = HEARTBEAT_BYTE;
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool good = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
                setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
                setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof(patience)) == 0 &&
                connect(fd, (const struct sockaddr *)&parent, sizeof(parent)) == 0 &&
                send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1 && byte == HEARTBEAT_BYTE;
    (void)close(fd);
    return good;
}

/* ── what must hold ── */

static bool says(const char *path, const char *wanted)
{
    char line[TEXT_MAX];
    read_line(path, line);
    return strcmp(line, wanted) == 0;
}

static bool random_is_good(void)
{
    return says("/sys/devices/virtual/misc/hw_random/rng_current", "nsm-hwrng");
}

static bool clock_is_good(void)
{
    return says("/sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock");
}

static const struct {
    const char *name;
    bool (*holds)(void);
    bool of_clock;
} checks[] = {
    {"the kernel's command line is the measured one", cmdline_is_measured, false},
    {"the kernel's random source is the security module", random_is_good, false},
    {"the kernel's clock source is kvm-clock", clock_is_good, true},
};

static void check_all(const struct kind *kind)
{
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        if (checks[i].holds())
            say("holds:", checks[i].name);
        else if (checks[i].of_clock && !kind->needs_clock)
            say("does not hold, which a simulation may do without:", checks[i].name);
        else
            end("does not hold:", checks[i].name);
    }
}

/* ── the node ── */

static const struct {
    int resource; /* RLIMIT_ */
    rlim_t limit;
} limits[] = {
    {RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 65536}, /* connections, slots of shared memory */
};

static void limit_all(void)
{
    for (size_t i = 0; i < COUNT_OF(limits); i++)
        if (setrlimit((__rlimit_resource_t)limits[i].resource, &(struct rlimit){limits[i].limit, limits[i].limit}) != 0)
            end("cannot set a limit", "");
}

static const struct kind *find_kind(void)
{
    char name[TEXT_MAX];
    read_line("/image", name);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(name, kinds[i].name) == 0)
            return &kinds[i];
    end("the image does not say what it is for:", "/image");
}

static pid_t start(const struct kind *kind)
{
    static char *const environment[] = {NULL};
    char *argv[COUNT_OF(kind->argv)];
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    memcpy(argv, kind->argv, sizeof(argv)); /* execve does not write to the strings */
    (void)execve(argv[0], argv, environment);
    say("cannot start", argv[0]);
    _exit(127);
}

/* Everybody's children end here. */
static int wait_for(pid_t node)
{
    for (;;) {
        int status = 0;
        pid_t pid = wait(&status);
        if (pid == node)
            return status;
        if (pid < 0 && errno != EINTR)
            end("lost", "the node");
    }
}

int main(void)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    if (getpid() != 1)
        return 2;
    (void)umask(022);
    mount_all();
    open_console();
    say("started", "");
    say("the parent's heartbeat:", heartbeat() ? "answered" : "no answer");
    const struct kind *kind = find_kind();
    say("image:", kind->name);
    check_all(kind);
    limit_all();
    pid_t node = start(kind);
    if (node < 0)
        end("cannot fork", "");
    int status = wait_for(node);
    char text[32];
    (void)snprintf(text, sizeof(text), "%s %d", WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    end("the node ended:", text);
}
