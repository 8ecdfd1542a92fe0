/* The command line of veronnx-host, its first lines, and its control socket. */
#include "cli/host_side.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/files.h"
#include "cli/http.h"
#include "cli/node.h"
#include "wire/address.h"
#include "wire/launch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define START_MS     30000
#define END_MS       40000 /* it waits for connections for 30 s */
#define CONTROL_MS   5000
#define ASK_MS       3000
#define ARGS_MAX     256
#define LOG_MAX      (1 * MIB)
#define PUBLIC_PORT  443
#define ADMIN_PORT   9001
#define PROBES       2
#define ROWS_MAX     (HOST_PUBLIC_MAX + 1 + PROBES)
#define ROW_TEXT_MAX 512

/* ── where rows lead ── */

/* `form` with its {cid} and {port}. ERR_USAGE when that is no address. */
static err_t reach(const char *form, uint32_t cid, uint32_t port, char ret[static ADDRESS_TEXT_MAX], struct why *why)
{
    static const char *const names[] = {"{cid}", "{port}"};
    const uint32_t values[] = {cid, port};
    AUTO_BUF struct buf text = BUF_WITH(HOST_PATH_MAX);
    struct address a;
    for (const char *at = form; *at != '\0';) {
        size_t i = 0;
        while (i < COUNT_OF(names) && strncmp(at, names[i], strlen(names[i])) != 0)
            i++;
        if (i < COUNT_OF(names))
            TRY(buf_printf(&text, "%u", values[i]));
        else
            TRY(buf_put_u8(&text, (uint8_t)*at));
        at += i < COUNT_OF(names) ? strlen(names[i]) : 1;
    }
    if (text.len >= ADDRESS_TEXT_MAX || address_parse(buf_view(&text), ADDRESS_CONNECT, &a) != OK)
        return why_set(why, ERR_USAGE, "--reach: must become vsock:CID:PORT, unix:PATH or vhost:PATH:PORT");
    memcpy(ret, text.data, text.len);
    ret[text.len] = '\0';
    return OK;
}

/* The rows' ports inside: public ones, administration, and both again for the probe. */
static uint32_t port_of(size_t row, size_t n_public)
{
    return row < n_public || row == n_public + 1 ? PUBLIC_PORT : ADMIN_PORT;
}

/* ── starting ── */

struct command {
    const char *argv[ARGS_MAX];
    size_t n;
    char rows[ROWS_MAX][ROW_TEXT_MAX];
    char sockets[4][HOST_PATH_MAX + 8];
    char beats[ROW_TEXT_MAX];
    char exe[LAUNCH_PATH_MAX];
};

static void add(struct command *c, const char *name, const char *value)
{
    c->argv[c->n++] = name;
    c->argv[c->n++] = value;
}

static void add_sockets(struct command *c, const struct host_folder *f, bool services)
{
    static const char *const names[][2] = {
        {"--control-at", "control"}, {"--config-at", "config"}, {"--blocks-at", "blocks"}, {"--log-at", "log"}};
    for (size_t i = 0; i < (services ? COUNT_OF(names) : 1); i++) {
        (void)snprintf(c->sockets[i], sizeof(c->sockets[i]), "unix:%s/%s", f->path, names[i][1]);
        add(c, names[i][0], c->sockets[i]);
    }
}

static err_t add_rows(struct command *c, const struct host_asked *asked, const struct host_side *s, uint32_t cid,
                      struct why *why)
{
    static const char any[] = "127.0.0.1:0";
    for (size_t i = 0; i < asked->n_listen + 1 + PROBES; i++) {
        char to[ADDRESS_TEXT_MAX];
        const char *from = i < asked->n_listen ? asked->listen[i] : i == asked->n_listen ? asked->admin : any;
        TRY(reach(s->settings.reach, cid, port_of(i, asked->n_listen), to, why));
        (void)snprintf(c->rows[i], sizeof(c->rows[i]), "tcp:%s=%s", from, to);
        add(c, "--forward", c->rows[i]);
    }
    return OK;
}

static err_t make(struct command *c, const struct host_folder *f, const struct host_asked *asked,
                  const struct host_side *s, uint32_t cid, struct why *why)
{
    TRY(launch_beside("veronnx-host", c->exe));
    c->argv[c->n++] = c->exe;
    TRY(add_rows(c, asked, s, cid, why));
    add_sockets(c, f, s->settings.qemu[0] != '\0');
    (void)snprintf(c->beats, sizeof(c->beats), "http://%s/heartbeat", asked->admin);
    add(c, "--heartbeat-from", c->beats);
    for (size_t i = 0; asked->more[i] != NULL; i++) { /* behind ours, which they may so replace */
        if (c->n + 1 == ARGS_MAX)
            return why_set(why, ERR_USAGE, "too many options");
        c->argv[c->n++] = asked->more[i];
    }
    return OK;
}

/* What it printed about row `i`: "veronnx host: tcp:HOST:PORT to ADDRESS". */
static bool entrance(struct view text, size_t row, const char *scheme, char ret[static HOST_URL_MAX])
{
    static const char head[] = "veronnx host: tcp:";
    size_t seen = 0;
    while (text.len > 0) {
        struct view line = view_cut(&text, '\n');
        if (line.len < sizeof(head) || memcmp(line.data, head, sizeof(head) - 1) != 0 || seen++ < row)
            continue;
        line = view_of(line.data + sizeof(head) - 1, line.len - sizeof(head) + 1);
        struct view at = view_cut(&line, ' ');
        (void)snprintf(ret, HOST_URL_MAX, "%s://%.*s", scheme, (int)at.len, (const char *)at.data);
        return true;
    }
    return false;
}

static bool take_entrances(struct view text, size_t n_public, struct host_side *s)
{
    s->n_public = n_public;
    for (size_t i = 0; i < n_public; i++)
        if (!entrance(text, i, "https", s->public_url[i]))
            return false;
    return entrance(text, n_public, "http", s->admin) && entrance(text, n_public + 1, "https", s->probe) &&
           entrance(text, n_public + 2, "http", s->probe_admin);
}

/* It has said why. */
static err_t ended(const char *errors, struct why *why)
{
    AUTO_BUF struct buf text = BUF_WITH(LOG_MAX);
    TRY(file_read(errors, &text, why));
    struct view all = buf_view(&text), line = {0};
    while (all.len > 0)
        line = view_cut(&all, '\n');
    return why_set(why, ERR_USAGE, "%.*s", (int)line.len, (const char *)line.data);
}

static err_t wait_for(const char *log, const char *errors, size_t n_public, struct host_side *s, struct why *why)
{
    for (uint64_t until_ms = clock_mono_ms() + START_MS; clock_mono_ms() < until_ms; (void)usleep(20000)) {
        AUTO_BUF struct buf text = BUF_WITH(LOG_MAX);
        TRY(file_read(log, &text, why));
        if (take_entrances(buf_view(&text), n_public, s))
            return OK;
        if (!process_lives(&s->process))
            return ended(errors, why);
    }
    return why_set(why, ERR_CLOSED, "veronnx-host does not start: see %s", errors);
}

err_t host_side_start(const struct host_folder *f, const struct host_asked *asked, uint32_t cid, struct host_side *s,
                      struct why *why)
{
    static struct command c;
    char log[HOST_PATH_MAX], errors[HOST_PATH_MAX];
    c = (struct command){.n = 0};
    host_folder_file(f, "log.txt", log);
    host_folder_file(f, "host.txt", errors);
    (void)unlink(log);
    (void)unlink(errors);
    TRY(make(&c, f, asked, s, cid, why));
    TRY(process_start(c.argv, log, errors, &s->process, why));
    err_t e = wait_for(log, errors, asked->n_listen, s, why);
    if (e != OK)
        process_end(&s->process, SIGTERM, CONTROL_MS);
    return e;
}

void host_side_stop(const struct host_side *s)
{
    process_end(&s->process, SIGTERM, END_MS);
}

/* ── leading elsewhere ── */

/* The kernel takes a connection for a process that does nothing any more. */
static err_t be_patient(int fd)
{
    static const struct timeval patience = {.tv_sec = CONTROL_MS / 1000};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0
               ? OK
               : err_errno();
}

static err_t tell(const struct host_folder *f, const char *line, size_t n, struct why *why)
{
    char path[HOST_PATH_MAX], answer[3] = "";
    struct address to;
    AUTO_FD int fd = -1;
    (void)snprintf(path, sizeof(path), "unix:%s/control", f->path);
    err_t e = address_parse(view_of(path, strlen(path)), ADDRESS_CONNECT, &to);
    if (e == OK)
        e = address_reach(&to, clock_mono_ms() + CONTROL_MS, &fd);
    if (e == OK)
        e = be_patient(fd);
    if (e == OK)
        e = fd_write_all(fd, line, n);
    if (e == OK)
        e = fd_read_all(fd, answer, sizeof(answer));
    return e == OK && memcmp(answer, "OK\n", sizeof(answer)) == 0
               ? OK
               : why_set(why, ERR_CLOSED, "veronnx-host does not take: %.*s", (int)n - 1, line);
}

static err_t lead(const struct host_folder *f, const struct host_side *s, uint32_t cid, size_t first, size_t end,
                  struct why *why)
{
    for (size_t row = first; row < end; row++) {
        char to[ADDRESS_TEXT_MAX], line[ROW_TEXT_MAX];
        TRY(reach(s->settings.reach, cid, port_of(row, s->n_public), to, why));
        int n = snprintf(line, sizeof(line), "%zu %s\n", row, to);
        TRY(tell(f, line, (size_t)n, why));
    }
    return OK;
}

err_t host_side_serve(const struct host_folder *f, const struct host_side *s, uint32_t cid, struct why *why)
{
    return lead(f, s, cid, 0, s->n_public + 1, why);
}

err_t host_side_probe(const struct host_folder *f, const struct host_side *s, uint32_t cid, struct why *why)
{
    return lead(f, s, cid, s->n_public + 1, s->n_public + 1 + PROBES, why);
}

long host_side_ask(const char *url, const char *path, bool post)
{
    char whole[NODE_URL_MAX];
    struct why why = {0};
    AUTO(http_result_done) struct http_result r = {0};
    if (node_url(url, path, whole, &why) != OK)
        return 0;
    const struct http_call call = {.url = whole,
                                   .insecure = true,
                                   .body = {post ? (const uint8_t *)"" : NULL, 0},
                                   .timeout_ms = ASK_MS,
                                   .max = LOG_MAX};
    return http_perform(&call, &r, &why) == OK ? r.status : 0;
}
