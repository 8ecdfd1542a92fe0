/* A table of options, and the help. */
#include "cli/host_words.h"

#include "base/text.h"
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPUS_MAX   256
#define MEMORY_MIN 64 /* MiB, Nitro's own */
#define MEMORY_MAX (4 * 1024 * 1024)

const char host_words_help[] =
    "Usage: veronnx host run IMAGE.eif [options] [options of `veronnx host` and `veronnx serve`]\n"
    "       veronnx host describe [--run-dir DIR]\n"
    "       veronnx host switch IMAGE.eif [--run-dir DIR] [--cpus N] [--memory MIB] [--debug]\n"
    "       veronnx host stop [--run-dir DIR] [--now]\n"
    "\n"
    "run       starts veronnx-host and, beside it, an enclave; waits until the node in it is ready; prints where it "
    "is\n"
    "          and what its image measures. Both go on running when the command has ended.\n"
    "describe  prints what runs, as JSON\n"
    "switch    starts an enclave of another image beside the one that runs, leads new connections to it when it is\n"
    "          ready, and lets the old one finish its requests and end. If the new one does not get ready the old one\n"
    "          stays. What is delivered to it is the configuration of `run`.\n"
    "stop      lets the enclave finish its requests, ends it and veronnx-host\n"
    "\n"
    "  --listen HOST:PORT  where clients come, may stand several times (default 127.0.0.1:8000); TLS ends in the "
    "enclave\n"
    "  --admin HOST:PORT   where the node's administration is, plain HTTP: never make it public (default 127.0.0.1:0, "
    "a\n"
    "                      free port; with --heartbeat-to 127.0.0.1:9001)\n"
    "  --qemu[=COMMAND]    an emulated enclave, for trying things out: a QEMU with the nitro-enclave machine (default\n"
    "                      $VERONNX_QEMU or qemu-system-x86_64), without KVM. Its security module does not sign, so "
    "the\n"
    "                      image must be one with a simulated module, whose root is saved for verifiers. Without this\n"
    "                      option: nitro-cli, on EC2\n"
    "  --cpus N            of the enclave (default 2)\n"
    "  --memory MIB        of the enclave: the image twice over and all models (default 2048)\n"
    "  --cid N             the enclave's context id (default 16); `switch` takes the next one\n"
    "  --debug             Nitro's debug mode: the console can be read, and the registers are zero\n"
    "  --reach FORM        how the enclave's ports are reached (default vsock:{cid}:{port})\n"
    "  --run-dir DIR       where what runs is written down (default $XDG_RUNTIME_DIR/veronnx, for root /run/veronnx)\n"
    "  --foreground        stay until the enclave ends (exit status 1) or SIGTERM, SIGHUP or Ctrl-C ends it (0), for\n"
    "                      systemd\n"
    "  --now               do not wait for requests that are being answered\n"
    "  --help              this text\n"
    "\n"
    "Exit status: 0 done, 1 not, 2 wrong usage.\n";

/* ── values ── */

static err_t number(const char *value, uint64_t min, uint64_t max, uint32_t *ret, struct why *why)
{
    uint64_t n = 0;
    if (text_u64(view_of(value, strlen(value)), max, &n) != OK || n < min)
        return why_set(why, ERR_USAGE, "must be from %llu to %llu", (unsigned long long)min, (unsigned long long)max);
    *ret = (uint32_t)n;
    return OK;
}

static err_t text(const char *value, char *ret, size_t size, struct why *why)
{
    if (strlen(value) >= size)
        return why_set(why, ERR_USAGE, "longer than %zu bytes", size - 1);
    memcpy(ret, value, strlen(value) + 1);
    return OK;
}

static err_t take_listen(struct host_words *w, const char *value, struct why *why)
{
    if (w->asked.n_listen == HOST_PUBLIC_MAX)
        return why_set(why, ERR_USAGE, "at most %d times", HOST_PUBLIC_MAX);
    w->asked.listen[w->asked.n_listen++] = value;
    return OK;
}

static err_t take_admin(struct host_words *w, const char *value, struct why *why UNUSED)
{
    w->asked.admin = value;
    return OK;
}

static err_t take_qemu(struct host_words *w, const char *value, struct why *why)
{
    const char *usual = getenv("VERONNX_QEMU");
    if (value == NULL)
        value = usual != NULL && usual[0] != '\0' ? usual : "qemu-system-x86_64";
    return value[0] != '\0' ? text(value, w->settings.qemu, sizeof(w->settings.qemu), why)
                            : why_set(why, ERR_USAGE, "which command?");
}

static err_t take_cpus(struct host_words *w, const char *value, struct why *why)
{
    return number(value, 1, CPUS_MAX, &w->settings.cpus, why);
}

static err_t take_memory(struct host_words *w, const char *value, struct why *why)
{
    return number(value, MEMORY_MIN, MEMORY_MAX, &w->settings.memory_mib, why);
}

static err_t take_cid(struct host_words *w, const char *value, struct why *why)
{
    return number(value, 4, INT32_MAX, &w->cid, why); /* 0 to 3 have a meaning */
}

static err_t take_reach(struct host_words *w, const char *value, struct why *why)
{
    return text(value, w->settings.reach, sizeof(w->settings.reach), why);
}

static err_t take_run_dir(struct host_words *w, const char *value, struct why *why UNUSED)
{
    w->run_dir = value;
    return OK;
}

static err_t take_debug(struct host_words *w, const char *value UNUSED, struct why *why UNUSED)
{
    w->settings.debug = true;
    return OK;
}

static err_t take_foreground(struct host_words *w, const char *value UNUSED, struct why *why UNUSED)
{
    w->foreground = true;
    return OK;
}

static err_t take_now(struct host_words *w, const char *value UNUSED, struct why *why UNUSED)
{
    w->now = true;
    return OK;
}

/* ── words ── */

enum value { NONE, NEEDED, OPTIONAL };
#define ANY (WORDS_RUN | WORDS_SWITCH | WORDS_STOP | WORDS_DESCRIBE)

static const struct own {
    const char *name;
    enum value value;
    unsigned of;
    err_t (*take)(struct host_words *w, const char *value, struct why *why);
} own[] = {
    {"--listen", NEEDED, WORDS_RUN, take_listen},
    {"--admin", NEEDED, WORDS_RUN, take_admin},
    {"--qemu", OPTIONAL, WORDS_RUN, take_qemu},
    {"--cpus", NEEDED, WORDS_RUN | WORDS_SWITCH, take_cpus},
    {"--memory", NEEDED, WORDS_RUN | WORDS_SWITCH, take_memory},
    {"--cid", NEEDED, WORDS_RUN, take_cid},
    {"--debug", NONE, WORDS_RUN | WORDS_SWITCH, take_debug},
    {"--reach", NEEDED, WORDS_RUN, take_reach},
    {"--run-dir", NEEDED, ANY, take_run_dir},
    {"--foreground", NONE, WORDS_RUN, take_foreground},
    {"--now", NONE, WORDS_STOP, take_now},
};

/* NULL when it is somebody else's. `ret_value` NULL: none stands behind a `=`. */
static const struct own *find(const char *word, unsigned command, const char **ret_value)
{
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        size_t n = strlen(own[i].name);
        if ((own[i].of & command) == 0 || strncmp(word, own[i].name, n) != 0 || (word[n] != '\0' && word[n] != '='))
            continue;
        *ret_value = word[n] == '=' ? word + n + 1 : NULL;
        return &own[i];
    }
    return NULL;
}

static err_t take_own(struct host_words *w, const struct own *o, const char *value, struct why *why)
{
    struct why said = {0};
    if (o->value == NONE && value != NULL)
        return why_set(why, ERR_USAGE, "%s: takes no value", o->name);
    if (o->value == NEEDED && value == NULL)
        return why_set(why, ERR_USAGE, "%s: needs a value", o->name);
    return o->take(w, value, &said) == OK ? OK : why_set(why, ERR_USAGE, "%s: %s", o->name, said.text);
}

static err_t take_word(struct host_words *w, char **argv, int *at, unsigned command, struct why *why)
{
    const char *value = NULL;
    const struct own *o = find(argv[*at], command, &value);
    if (o == NULL && command != WORDS_RUN)
        return why_set(why, ERR_USAGE, "%s: no such option of %s (see --help)", argv[*at], argv[0]);
    if (o == NULL) {
        if (w->n_more + 1 == HOST_MORE_MAX)
            return why_set(why, ERR_USAGE, "too many options");
        w->more[w->n_more++] = argv[(*at)++];
        return OK;
    }
    if (o->value == NEEDED && value == NULL)
        value = argv[++*at];
    *at += value != NULL || o->value != NEEDED;
    return take_own(w, o, value, why);
}

/* Others are told its path, wherever they are. */
static err_t take_image(struct host_words *w, const char *word, struct why *why)
{
    char whole[HOST_PATH_MAX];
    if (word == NULL || word[0] == '-')
        return why_set(why, ERR_USAGE, "which image? IMAGE.eif stands before the options (see --help)");
    if (realpath(word, whole) == NULL)
        return why_set(why, ERR_USAGE, "%s: %s", strerrordesc_np(errno), word);
    return text(whole, w->image, sizeof(w->image), why);
}

/* Where heartbeats are posted the administration has to be found again. */
static const char *admin_default(const struct host_words *w)
{
    static const char posts[] = "--heartbeat-to";
    for (size_t i = 0; i < w->n_more; i++)
        if (strncmp(w->more[i], posts, sizeof(posts) - 1) == 0)
            return "127.0.0.1:9001";
    return "127.0.0.1:0";
}

static void complete(struct host_words *w)
{
    if (w->asked.n_listen == 0)
        w->asked.listen[w->asked.n_listen++] = "127.0.0.1:8000";
    if (w->asked.admin == NULL)
        w->asked.admin = admin_default(w);
    w->settings.cpus = w->settings.cpus > 0 ? w->settings.cpus : 2;
    w->settings.memory_mib = w->settings.memory_mib > 0 ? w->settings.memory_mib : 2048;
    w->cid = w->cid > 0 ? w->cid : 16;
    w->asked.more = w->more;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (command_asks_for_help(argv[i]))
            return true;
    return false;
}

err_t host_words_parse(int argc, char **argv, unsigned command, struct host_words *ret, struct why *why)
{
    int at = 1;
    ret->help = asks_for_help(argc, argv);
    if (ret->help)
        return OK;
    if ((command & (WORDS_RUN | WORDS_SWITCH)) != 0)
        TRY(take_image(ret, argv[at++], why));
    while (at < argc)
        TRY(take_word(ret, argv, &at, command, why));
    if (command == WORDS_RUN)
        complete(ret);
    return OK;
}
