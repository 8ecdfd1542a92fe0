/* What an enclave looks like from inside: started by init of the selftest image with the node's command line, it prints
   one line of JSON before the node is started and one when the node is ready (or has ended), each behind
   "veronnx-selftest: ". */
#include "attest/nsm.h"
#include "base/text.h"
#include "nsm/device.h"
#include "selftest/descriptors.h"
#include "selftest/egress.h"
#include "selftest/json.h"
#include "selftest/live.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_FILE      "/run/state/ready.json"
#define READY_STEPS     1800
#define READY_STEP_USEC 100000
#define LINE_ROOM       (256 * 1024) /* a stage goes out as one write: the node writes to the same console */

/* ── lists ── */

/* The lines of a file, an empty list if there is no such file. */
static void print_lines(const char *path)
{
    char line[1024];
    const char *separator = "";
    FILE *f = fopen(path, "re");
    (void)putchar('[');
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        json_separate(&separator);
        json_text(line, strcspn(line, "\n"));
    }
    (void)putchar(']');
    if (f != NULL)
        (void)fclose(f);
}

/* The names in a folder, sorted. Calls `print` for each that `wanted` takes (NULL: all). */
static void for_names(const char *path, bool (*wanted)(const char *name), void (*print)(const char *name))
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, NULL, alphasort);
    const char *separator = "";
    (void)putchar('[');
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.' && (wanted == NULL || wanted(names[i]->d_name))) {
            json_separate(&separator);
            print(names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
    (void)putchar(']');
}

static void print_name(const char *name)
{
    json_text(name, strlen(name));
}

/* ── registers ── */

static void print_pcrs(void)
{
    static uint8_t room[NSM_RESPONSE_MAX];
    char digits[HEX_LEN(PCR_LEN) + 1];
    const char *separator = "";
    int fd = open("/dev/nsm", O_RDWR | O_CLOEXEC);
    const struct nsm_device device = device_of(&fd);
    (void)fputs("{", stdout);
    for (uint16_t i = 0; i < PCR_COUNT; i++) {
        struct nsm_response p = device_ask(&device, &(struct nsm_request){.op = NSM_DESCRIBE_PCR, .index = i}, room);
        if (p.error != NSM_SUCCESS || p.bytes.len != PCR_LEN)
            continue;
        hex_encode(p.bytes.data, PCR_LEN, digits);
        json_separate(&separator);
        (void)printf("\"PCR%u\":\"%s\"", i, digits);
    }
    (void)fputs("}", stdout);
    if (fd >= 0)
        (void)close(fd);
}

/* ── processes ── */

static bool is_process(const char *name)
{
    return isdigit((unsigned char)name[0]) != 0;
}

/* Lines of /proc/PID/status that say what a process may do. */
static bool is_wanted(const char *line)
{
    static const char *const keys[] = {"Name",   "Uid",     "CapInh",  "CapPrm",     "CapEff",         "CapBnd",
                                       "CapAmb", "Kthread", "Seccomp", "NoNewPrivs", "Seccomp_filters"};
    size_t n = strcspn(line, ":");
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (strlen(keys[i]) == n && memcmp(keys[i], line, n) == 0)
            return true;
    return false;
}

static void print_status(const char *pid)
{
    char path[64], line[1024];
    const char *separator = "";
    (void)snprintf(path, sizeof(path), "/proc/%.20s/status", pid);
    FILE *f = fopen(path, "re");
    (void)putchar('{');
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (!is_wanted(line))
            continue;
        size_t key = strcspn(line, ":");
        const char *value = line + key + strspn(line + key, ":\t ");
        json_separate(&separator);
        json_text(line, key);
        (void)putchar(':');
        json_text(value, strcspn(value, "\n"));
    }
    json_separate(&separator);
    (void)fputs("\"descriptors\":", stdout);
    descriptors_print(pid);
    (void)putchar('}');
    if (f != NULL)
        (void)fclose(f);
}

/* ── everything ── */

static const struct {
    const char *name, *path;
} line_lists[] = {
    {"cmdline", "/proc/cmdline"},     {"mounts", "/proc/mounts"},
    {"tcp", "/proc/net/tcp"},         {"udp", "/proc/net/udp"},
    {"unix", "/proc/net/unix"},       {"packet", "/proc/net/packet"},
    {"netlink", "/proc/net/netlink"}, {"raw", "/proc/net/raw"},
    {"interfaces", "/proc/net/dev"},  {"protocols", "/proc/net/protocols"},
    {"modules", "/proc/modules"},     {"filesystems", "/proc/filesystems"},
};

static const struct {
    const char *name, *path;
} name_lists[] = {
    {"files", "/"},
    {"devices", "/dev"},
    {"interface-names", "/sys/class/net"},
    {"block-devices", "/sys/class/block"},
};

static void print_stage(const char *stage, const char *node, pid_t pid)
{
    (void)printf("veronnx-selftest: {\"stage\":\"%s\",\"node\":\"%s\",\"pcrs\":", stage, node);
    print_pcrs();
    for (size_t i = 0; i < COUNT_OF(line_lists); i++) {
        (void)printf(",\"%s\":", line_lists[i].name);
        print_lines(line_lists[i].path);
    }
    for (size_t i = 0; i < COUNT_OF(name_lists); i++) {
        (void)printf(",\"%s\":", name_lists[i].name);
        for_names(name_lists[i].path, NULL, print_name);
    }
    (void)fputs(",\"processes\":", stdout);
    for_names("/proc", is_process, print_status);
    (void)fputs(",\"egress\":", stdout);
    egress_print();
    (void)fputs(",\"live\":", stdout);
    live_print(pid);
    (void)fputs("}\n", stdout);
    (void)fflush(stdout);
}

static pid_t start(char *const *argv)
{
    static char *const environment[] = {NULL};
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)execve(argv[0], argv, environment);
    _exit(127);
}

/* What became of the node: "ready", or how it ended. */
static void await(pid_t node, char *ret, size_t size)
{
    struct stat st;
    int status = 0;
    (void)snprintf(ret, size, "not ready in time");
    for (int i = 0; i < READY_STEPS; i++) {
        if (waitpid(node, &status, WNOHANG) == node) {
            (void)snprintf(ret, size, "%s %d", WIFSIGNALED(status) ? "signal" : "status",
                           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            return;
        }
        if (stat(READY_FILE, &st) == 0) {
            (void)snprintf(ret, size, "ready");
            return;
        }
        (void)usleep(READY_STEP_USEC);
    }
}

int main(UNUSED int argc, char **argv)
{
    static char whole[LINE_ROOM];
    char node[32];
    (void)setvbuf(stdout, whole, _IOFBF, sizeof(whole));
    print_stage("before", "not started", 0);
    pid_t pid = start(argv + 1);
    if (pid < 0)
        return 1;
    await(pid, node, sizeof(node));
    print_stage("after", node, strcmp(node, "ready") == 0 ? pid : 0);
    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, NULL, 0);
    return strcmp(node, "ready") == 0 ? 0 : 1;
}
