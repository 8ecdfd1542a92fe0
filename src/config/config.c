/* Reading options and file, jailed as soon as the file is open, and answering with a sealed memory file. */
#include "config/config.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/parse.h"
#include "config/value.h"
#include "jail/jail.h"
#include "receipt/bundle.h"
#include "wire/delivery.h"
#include "wire/frame.h"
#include "wire/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_MS   10000
#define FILES_MAX 4
_Static_assert(CONFIG_FILE_MAX == DELIVERY_TEXT_MAX, "a file can be delivered");
_Static_assert(CONF_TEXT_MAX == BUNDLE_TEXT_MAX, "a verifier takes what is committed");

struct source {
    const char *name;
    int fd; /* -1: not open */
};

struct job {
    struct config config;
    uint32_t line;     /* 0: the command line */
    const char *where; /* the file that has it */
    struct source files[FILES_MAX];
    size_t n_files;
    struct why why;
};

/* ── the command line ── */

static err_t refuse_argument(struct job *j, const char *word, int at, const char *reason)
{
    char shown[64];
    if (value_word(view_of(word, strlen(word)), shown, sizeof(shown)) != OK)
        return why_set(&j->why, ERR_USAGE, "argument %d: %s", at, reason);
    return why_set(&j->why, ERR_USAGE, "%s: %s", shown, reason);
}

/* `--key value`, `--key=value`, and `--flag` alone. Advances `*at` over what it used. */
static err_t take_argument(struct job *j, char **argv, int *at, const struct option **ret_option, struct view *ret_value)
{
    const char *word = argv[*at];
    if (strncmp(word, "--", 2) != 0)
        return refuse_argument(j, word, *at, "options begin with --");
    const char *equals = strchr(word, '=');
    struct view key = view_of(word + 2, equals != NULL ? (size_t)(equals - word - 2) : strlen(word + 2));
    const struct option *o = option_find(key);
    if (o == NULL && !view_is(key, "config"))
        return refuse_argument(j, word, *at, "no such option (veronnx serve --help lists them)");
    *ret_option = o;
    if (equals != NULL)
        *ret_value = view_of(equals + 1, strlen(equals + 1));
    else if (o != NULL && o->type == OPTION_FLAG)
        *ret_value = view_of("true", 4);
    else if (argv[*at + 1] == NULL)
        return why_set(&j->why, ERR_USAGE, "--%s: needs a value", o != NULL ? o->key : "config");
    else
        *ret_value = view_of(argv[*at + 1], strlen(argv[*at + 1])), ++*at;
    ++*at;
    return OK;
}

/* First pass: only where the files are. */
static err_t find_files(struct job *j, int argc, char **argv)
{
    for (int at = 1; at < argc;) {
        const struct option *o = NULL;
        struct view value = {0};
        TRY(take_argument(j, argv, &at, &o, &value));
        if (o != NULL)
            continue;
        if (j->n_files == FILES_MAX)
            return why_set(&j->why, ERR_USAGE, "--config: at most %d files", FILES_MAX);
        j->files[j->n_files++].name = (const char *)value.data;
    }
    if (j->config.delivered && j->n_files != 1)
        return why_set(&j->why, ERR_USAGE, "--config: nothing may stand beside what is delivered");
    return OK;
}

/* Second pass, after the files: what stands here replaces what stood there. */
static err_t apply_arguments(struct job *j, int argc, char **argv)
{
    bool seen[COUNT_OF(j->config.given)] = {false};
    for (int at = 1; at < argc;) {
        const struct option *o = NULL;
        struct view value = {0};
        TRY(take_argument(j, argv, &at, &o, &value));
        if (o == NULL)
            continue;
        if (!seen[o - options])
            config_forget(&j->config, o);
        seen[o - options] = true;
        struct why said = {0};
        if (config_set(&j->config, o, value, &said) != OK)
            return why_set(&j->why, ERR_USAGE, "--%s", said.text);
    }
    return OK;
}

/* ── the files ── */

/* Where the text comes from outside, the supervisor has connected: this process never has a socket of its own. */
static err_t take_stream(struct job *j, const struct wire_end *control)
{
    AUTO(wire_inbox_done) struct wire_inbox inbox = {0};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    TRY(wire_inbox_init(&inbox, CHAN_CONFIG));
    TRY(wire_recv(control, &inbox, true, &m));
    if (m.type != MSG_CONFIG_START)
        return ERR_PROTOCOL;
    j->config.delivered = m.n_fds > 0;
    if (m.n_fds > 0)
        j->files[0].fd = TAKE_FD(m.fds[0]);
    return OK;
}

static err_t open_files(struct job *j)
{
    for (struct source *f = j->files; f < j->files + j->n_files; f++) {
        f->fd = f->fd >= 0 ? f->fd : open(f->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (f->fd < 0)
            return why_set(&j->why, ERR_USAGE, "--config: %s: %s", strerrordesc_np(errno), f->name);
    }
    return OK;
}

/* At most `size` bytes, up to the end; not longer than `deadline_ms`. A signal or a short read is no end. */
static err_t read_some(struct job *j, const struct source *f, uint64_t deadline_ms, uint8_t *ret, size_t size,
                       size_t *ret_n)
{
    size_t n = 0;
    while (n < size) {
        uint64_t now = clock_mono_ms();
        struct pollfd readable = {.fd = f->fd, .events = POLLIN};
        int ready = now < deadline_ms ? poll(&readable, 1, (int)(deadline_ms - now)) : 0;
        if (ready == 0)
            return why_set(&j->why, ERR_USAGE, "--config: not all there after %d s: %s", READ_MS / 1000, f->name);
        ssize_t got = ready > 0 ? read(f->fd, ret + n, size - n) : -1;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return why_set(&j->why, ERR_USAGE, "--config: %s: %s", strerrordesc_np(errno), f->name);
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *ret_n = n;
    return OK;
}

static err_t unpack(struct job *j, const struct source *f, struct view bytes, struct view *ret_text)
{
    err_t e = j->config.delivered ? delivery_decode(bytes, ret_text) : OK;
    if (!j->config.delivered)
        *ret_text = bytes;
    return e == OK ? OK : why_set(&j->why, ERR_USAGE, "--config: %s: %s", err_text(e), f->name);
}

static err_t apply_file(struct job *j, const struct source *f)
{
    uint8_t bytes[DELIVERY_MAX + 1];
    struct view text = {0};
    size_t n = 0;
    TRY(read_some(j, f, clock_mono_ms() + READ_MS, bytes, sizeof(bytes), &n));
    TRY(unpack(j, f, view_of(bytes, n), &text));
    if (text.len > CONFIG_FILE_MAX)
        return why_set(&j->why, ERR_USAGE, "--config: larger than %zu bytes: %s", CONFIG_FILE_MAX, f->name);
    j->where = f->name;
    TRY(config_text(&j->config, text, &j->line, &j->why));
    j->line = 0;
    return OK;
}

static err_t apply_files(struct job *j)
{
    for (size_t i = 0; i < j->n_files; i++)
        TRY(apply_file(j, &j->files[i]));
    return OK;
}

/* ── the answer ── */

static err_t write_out(struct job *j, enum option_section section, struct buf *text, uint32_t *ret_len)
{
    err_t e = config_canonical(&j->config, section, text);
    if (e == ERR_TOO_LARGE)
        return why_set(&j->why, ERR_USAGE, "[%s]: larger than %zu bytes written out", option_sections[section],
                       CONF_TEXT_MAX);
    *ret_len = (uint32_t)text->len;
    return e;
}

static err_t answer(struct job *j, const struct wire_end *control)
{
    AUTO_BUF struct buf node = BUF_WITH(CONF_TEXT_MAX);
    AUTO_BUF struct buf policy = BUF_WITH(CONF_TEXT_MAX);
    AUTO_FD int fd = -1;
    struct msg_empty none = {0};
    TRY(write_out(j, SECTION_NODE, &node, &j->config.conf.node_text_len));
    TRY(write_out(j, SECTION_POLICY, &policy, &j->config.conf.policy_text_len));
    TRY(memfd_new("veronnx-config", 0, &fd));
    TRY(fd_write_all(fd, &j->config.conf, sizeof(j->config.conf)));
    TRY(fd_write_all(fd, node.data, node.len));
    TRY(fd_write_all(fd, policy.data, policy.len));
    TRY(memfd_seal(fd, SEALS_FILE));
    return wire_send_wait(control, MSG_CONFIG_DONE, &none, view_of(NULL, 0), &fd, 1);
}

/* One line: what and where. */
static err_t complain(const struct job *j, err_t e, const struct wire_end *control)
{
    char text[512];
    struct msg_config_failed failed = {.line = j->line};
    const char *why = j->why.text[0] != '\0' ? j->why.text : err_text(e);
    int n = j->line > 0 ? snprintf(text, sizeof(text), "%.256s:%u: %s", j->where, j->line, why)
                        : snprintf(text, sizeof(text), "%s", why);
    return wire_send_wait(control, MSG_CONFIG_FAILED, &failed, view_of(text, n > 0 ? (size_t)n : 0), NULL, 0);
}

/* Into a folder that nobody else can name: made, entered and removed. */
static err_t leave_directory(void)
{
    char name[] = "/tmp/veronnx-config-XXXXXX";
    if (mkdtemp(name) == NULL || chdir(name) != 0 || rmdir(name) != 0)
        return err_errno();
    return OK;
}

static err_t enter_jail(struct job *j)
{
    if (leave_directory() != OK)
        return why_set(&j->why, ERR_NOT_PERMITTED, "cannot make a temporary folder in /tmp (%s)",
                       strerrorname_np(errno));
    int keep[2 + FILES_MAX] = {CONTROL_FD, LOG_FD};
    const struct jail_paths paths = {.empty_dir = ".", .keep_fds = keep, .n_keep_fds = 2 + j->n_files};
    for (size_t i = 0; i < j->n_files; i++)
        keep[2 + i] = j->files[i].fd;
    struct jail_failure failure = {0};
    err_t e = jail_enter(JAIL_CONFIG, &paths, &failure);
    if (e != OK)
        return why_set(&j->why, e, "veronnx-config: the jail could not be installed (step %d, %s)", failure.step,
                       strerrorname_np(failure.os_error));
    return OK;
}

static err_t read_all(struct job *j, int argc, char **argv, const struct wire_end *control)
{
    char cwd[CONF_PATH_MAX];
    if (getcwd(cwd, sizeof(cwd)) == NULL)
        return why_set(&j->why, ERR_USAGE, "the working directory's path is too long");
    TRY(config_init(&j->config, cwd, &j->why));
    TRY(take_stream(j, control));
    TRY(find_files(j, argc, argv));
    TRY(open_files(j));
    TRY(enter_jail(j));
    TRY(apply_files(j));
    TRY(apply_arguments(j, argc, argv));
    return config_finish(&j->config, &j->why);
}

int config_main(int argc, char **argv)
{
    const struct wire_end control = {CONTROL_FD, CHAN_CONFIG, SIDE_B};
    AUTO_MEM struct job *j = mem_alloc(1, sizeof(*j));
    log_setup(LOG_FD, ROLE_CONFIG);
    if (j == NULL)
        return 1;
    for (size_t i = 0; i < FILES_MAX; i++)
        j->files[i].fd = -1;
    err_t e = read_all(j, argc, argv, &control);
    if (e == OK)
        e = answer(j, &control);
    if (e == OK)
        return 0;
    return complain(j, e, &control) == OK ? 2 : 1;
}
