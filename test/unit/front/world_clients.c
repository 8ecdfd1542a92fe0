/* The clients of the world: their connections, what they send and what they receive. */
#include "world.h"

#include "base/fd.h"
#include "front/conn.h"

#include <sys/socket.h>
#include <unistd.h>

#define GOT_MAX (16 * MIB)

static char answer_text[GOT_MAX];

#define assert_ok(call) assert_string_equal(err_name(call), "OK")

static void push(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            n -= (size_t)sent;
        }
        turn();
    }
}

static char *request_text(const char *fields, const char *body)
{
    char *text = NULL;
    assert_true(asprintf(&text, "POST /infer HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", fields,
                         strlen(body), body) > 0);
    return text;
}

/* In one piece, so that a request which waits for its turn has arrived whole. */
static void send_request(struct client *c, const char *fields, const char *body)
{
    char *text = request_text(fields, body);
    push(c->fd, text, strlen(text));
    free(text);
}

static struct client *arrive(void)
{
    int fds[2];
    assert_true(w.n_clients < CLIENTS_MAX);
    struct client *c = &w.clients[w.n_clients++];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_ok(conn_new(w.app->server, &fds[1]));
    *c = (struct client){.fd = fds[0]};
    return c;
}

struct client *post_with(const char *fields, const char *body)
{
    struct client *c = arrive();
    send_request(c, fields, body);
    return c;
}

struct client *post_unseen(const char *body)
{
    struct client *c = arrive();
    char *text = request_text("", body);
    assert_int_equal(send(c->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    free(text);
    return c;
}

struct client *get(const char *target)
{
    char *text = NULL;
    struct client *c = arrive();
    assert_true(asprintf(&text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target) > 0);
    say(c, text);
    free(text);
    return c;
}

struct client *post(const char *body)
{
    return post_with("", body);
}

void post_again(struct client *c, const char *body)
{
    send_request(c, "", body);
}

void say(struct client *c, const char *text)
{
    push(c->fd, text, strlen(text));
}

void leave(struct client *c)
{
    fd_close(&c->fd);
    free(c->got);
    c->got = NULL;
    c->n_got = 0;
}

static void receive(struct client *c)
{
    static char part[64 * KIB];
    ssize_t n = 0;
    do {
        turn();
        n = c->fd >= 0 ? recv(c->fd, part, sizeof(part), 0) : -1;
        c->eof = c->eof || n == 0;
        if (n <= 0)
            continue;
        c->got = realloc(c->got, c->n_got + (size_t)n + 1);
        assert_non_null(c->got);
        memcpy(c->got + c->n_got, part, (size_t)n);
        c->n_got += (size_t)n;
        c->got[c->n_got] = '\0';
    } while (n > 0);
}

int status_of(struct client *c)
{
    receive(c);
    if (c->n_got == 0)
        return 0;
    const char *body = strstr(c->got, "\r\n\r\n");
    const char *length = strstr(c->got, "Content-Length: ");
    assert_true(strncmp(c->got, "HTTP/1.1 ", 9) == 0 && body != NULL && length != NULL && length < body);
    size_t n = (size_t)(body + 4 - c->got) + strtoul(length + 16, NULL, 10);
    assert_true(n <= c->n_got && n < sizeof(answer_text));
    memcpy(answer_text, c->got, n);
    answer_text[n] = '\0';
    c->n_got -= n;
    memmove(c->got, c->got + n, c->n_got + 1);
    return (int)strtol(answer_text + 9, NULL, 10);
}

const char *last_answer(void)
{
    return answer_text;
}

void expect_error(struct client *c, int status, const char *code)
{
    char wanted[64];
    int got = status_of(c);
    (void)snprintf(wanted, sizeof(wanted), "\"code\":\"%s\"", code);
    if (got != status || strstr(answer_text, wanted) == NULL)
        fail_msg("not %d %s: %d %s", status, code, got, got != 0 ? answer_text : "");
}

long retry_after(void)
{
    const char *field = strstr(answer_text, "Retry-After: ");
    return field != NULL ? strtol(field + 13, NULL, 10) : -1;
}

unsigned answered(unsigned n)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++) {
        receive(&w.clients[i]);
        count += w.clients[i].n_got > 0;
    }
    return count;
}
