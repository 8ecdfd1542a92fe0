/* Command lines. */
#include "cli/host_machine.h"

#include "base/clock.h"
#include "cli/nitro_answer.h"
#include "wire/launch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX    (1 * MIB)
#define WORDS_MAX     64
#define DEVICE_MS     20000
#define END_MS        10000
#define RUN_MS        (5 * 60 * 1000) /* nitro-cli copies the image into the enclave's memory */
#define NITRO_MS      30000
#define DEVICE_BESIDE "veronnx-vsock"

/* ── nitro-cli ── */

static err_t terminate(const struct enclave *e, struct why *why)
{
    bool known = e->id[0] != '\0';
    const char *const argv[] = {"nitro-cli", "terminate-enclave", known ? "--enclave-id" : "--enclave-name",
                                known ? e->id : e->name, NULL};
    AUTO_BUF struct buf out = BUF_WITH(ANSWER_MAX);
    return process_ask(argv, NITRO_MS, &out, why);
}

static err_t nitro_start(const struct host_folder *f UNUSED, const struct host_settings *s, struct enclave *e,
                         struct why *why)
{
    AUTO_BUF struct buf out = BUF_WITH(ANSWER_MAX);
    char cpus[16], memory[16], cid[16];
    (void)snprintf(cpus, sizeof(cpus), "%u", s->cpus);
    (void)snprintf(memory, sizeof(memory), "%u", s->memory_mib);
    (void)snprintf(cid, sizeof(cid), "%u", e->cid);
    const char *const argv[] = {"nitro-cli",
                                "run-enclave",
                                "--enclave-name",
                                e->name,
                                "--eif-path",
                                e->image,
                                "--cpu-count",
                                cpus,
                                "--memory",
                                memory,
                                "--enclave-cid",
                                cid,
                                s->debug ? "--debug-mode" : NULL,
                                NULL};
    err_t error = process_ask(argv, RUN_MS, &out, why);
    if (error == ERR_USAGE)
        e->name[0] = '\0'; /* there is no nitro-cli */
    TRY(error);
    return nitro_answer_id(buf_view(&out), e->cid, e->id, sizeof(e->id), why);
}

static enum life nitro_life(const struct enclave *e)
{
    static const char *const argv[] = {"nitro-cli", "describe-enclaves", NULL};
    static bool said = false; /* once, until it answers again */
    AUTO_BUF struct buf out = BUF_WITH(ANSWER_MAX);
    struct why why = {"nitro-cli describe-enclaves: no list"};
    bool runs = false;
    err_t error = process_ask(argv, NITRO_MS, &out, &why);
    if (error == OK)
        error = nitro_answer_runs(buf_view(&out), e->id, e->name, &runs);
    if (error != OK && !said)
        (void)fprintf(stderr, "veronnx host: %s: the enclave is taken to run\n", why.text);
    said = error != OK;
    return said ? LIFE_UNKNOWN : runs ? LIFE_RUNS : LIFE_GONE;
}

/* It may end by itself between the question and the command. */
static err_t nitro_stop(const struct enclave *e, struct why *why)
{
    if ((e->id[0] == '\0' && e->name[0] == '\0') || nitro_life(e) == LIFE_GONE)
        return OK;
    err_t error = terminate(e, why);
    return error == OK || nitro_life(e) == LIFE_GONE ? OK : error;
}

/* ── QEMU ── */

enum { DEVICE, MACHINE };

/* QEMU looks at a device's queue when the guest says so and not also by itself, when the driver starts: its security
   module would take the half of a request for a fault, and answer no more. */
#define NOTIFIED "virtio-mmio.ioeventfd=off"

/* What the guest finds at its parent is what veronnx-host listens at. */
static err_t link_services(const struct host_folder *f, const struct enclave *e, struct why *why)
{
    static const char *const to[][2] = {{"vsock_9002", "config"}, {"vsock_9003", "blocks"}, {"vsock_9004", "log"}};
    char path[HOST_PATH_MAX];
    for (size_t i = 0; i < COUNT_OF(to); i++) {
        host_folder_of(f, e->cid, to[i][0], path);
        if (symlink(to[i][1], path) != 0)
            return why_set(why, ERR_IO, "%s: %s", strerrordesc_np(errno), path);
    }
    return OK;
}

static err_t start_device(const struct host_folder *f, struct enclave *e, struct why *why)
{
    char exe[HOST_PATH_MAX], device[HOST_PATH_MAX], vsock[HOST_PATH_MAX], errors[HOST_PATH_MAX];
    host_folder_of(f, e->cid, "device", device);
    host_folder_of(f, e->cid, "vsock", vsock);
    host_folder_of(f, e->cid, "console", errors);
    if (launch_beside(DEVICE_BESIDE, exe) != OK)
        return why_set(why, ERR_USAGE, DEVICE_BESIDE " is not beside veronnx");
    const char *const argv[] = {exe, device, vsock, NULL};
    TRY(process_start(argv, errors, errors, &e->processes[DEVICE], why));
    for (uint64_t until_ms = clock_mono_ms() + DEVICE_MS; access(device, F_OK) != 0; (void)usleep(10000))
        if (!process_lives(&e->processes[DEVICE]) || clock_mono_ms() > until_ms)
            return why_set(why, ERR_CLOSED, DEVICE_BESIDE " does not start: see %s", errors);
    return OK;
}

static err_t start_machine(const struct host_folder *f, const struct host_settings *s, struct enclave *e,
                           struct why *why)
{
    char words[HOST_PATH_MAX], id[64], cpus[16], memory[16], chardev[HOST_PATH_MAX + 32], console[HOST_PATH_MAX];
    const char *argv[WORDS_MAX] = {NULL};
    size_t n = 0;
    (void)snprintf(words, sizeof(words), "%s", s->qemu);
    for (char *rest = NULL, *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (n == WORDS_MAX / 2)
            return why_set(why, ERR_USAGE, "--qemu: at most %d words", WORDS_MAX / 2);
        argv[n++] = word;
    }
    (void)snprintf(id, sizeof(id), "nitro-enclave,vsock=c,id=veronnx-%u", e->cid);
    (void)snprintf(cpus, sizeof(cpus), "%u", s->cpus);
    (void)snprintf(memory, sizeof(memory), "%uM", s->memory_mib);
    (void)snprintf(chardev, sizeof(chardev), "socket,id=c,path=%s/%u.device", f->path, e->cid);
    host_folder_of(f, e->cid, "console", console);
    const char *const more[] = {
        "-M",   id,        "-accel", "tcg,thread=multi", "-cpu",       "max",      "-smp",  cpus,      "-m",
        memory, "-kernel", e->image, "-nographic",       "-no-reboot", "-chardev", chardev, "-global", NOTIFIED};
    memcpy(argv + n, more, sizeof(more));
    return process_start(argv, console, console, &e->processes[MACHINE], why);
}

static err_t qemu_stop(const struct enclave *e, struct why *why UNUSED)
{
    process_end(&e->processes[MACHINE], SIGTERM, END_MS);
    process_end(&e->processes[DEVICE], SIGTERM, END_MS);
    return OK;
}

static err_t qemu_start(const struct host_folder *f, const struct host_settings *s, struct enclave *e, struct why *why)
{
    TRY(link_services(f, e, why));
    TRY(start_device(f, e, why));
    return start_machine(f, s, e, why);
}

static enum life qemu_life(const struct enclave *e)
{
    return process_lives(&e->processes[MACHINE]) ? LIFE_RUNS : LIFE_GONE;
}

/* ── which ── */

static const struct machine nitro = {"nitro-cli", "vsock:{cid}:{port}", nitro_start, nitro_life, nitro_stop};
static const struct machine qemu = {"QEMU", NULL, qemu_start, qemu_life, qemu_stop};

const struct machine *machine_of(const struct host_settings *s)
{
    return s->qemu[0] != '\0' ? &qemu : &nitro;
}

void machine_reach(const struct host_folder *f, struct host_settings *s)
{
    if (s->reach[0] != '\0')
        return;
    if (machine_of(s)->reach != NULL)
        (void)snprintf(s->reach, sizeof(s->reach), "%s", machine_of(s)->reach);
    else
        (void)snprintf(s->reach, sizeof(s->reach), "vhost:%s/{cid}.vsock:{port}", f->path);
}
