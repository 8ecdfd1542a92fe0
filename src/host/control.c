/* A listener, and one short conversation. */
#include "host/control.h"

#include "base/fd.h"
#include "base/list.h"
#include "base/text.h"
#include "host/print.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define TALK_MS 10000

err_t control_parse(struct view line, size_t n_rows, size_t *ret_row, struct address *ret_to)
{
    struct address to;
    uint64_t row = 0;
    TRY(text_u64(view_cut(&line, ' '), n_rows - 1, &row));
    TRY(address_parse(line, ADDRESS_CONNECT, &to));
    if (!address_is_local(&to))
        return ERR_USAGE;
    *ret_row = (size_t)row;
    *ret_to = to;
    return OK;
}

static err_t obey(struct control *c, struct view line)
{
    struct address to;
    size_t row = 0;
    TRY(control_parse(line, c->n_rows, &row, &to));
    forwarder_aim(c->forwarder, row, &to);
    print_line("row %zu leads to %s", row, to.text);
    return OK;
}

static void end_talk(struct control *c)
{
    watch_close(&c->talker);
    (void)watch_for(&c->listener, EPOLLIN);
}

static void answer(struct control *c, const char *end)
{
    static const char good[] = "OK\n", bad[] = "ERROR\n";
    bool obeyed = end != NULL && obey(c, view_of(c->line, (size_t)(end - c->line))) == OK;
    (void)send(c->talker.fd, obeyed ? good : bad, obeyed ? sizeof(good) - 1 : sizeof(bad) - 1,
               MSG_DONTWAIT | MSG_NOSIGNAL);
    end_talk(c);
}

static void on_talker(struct watch *w, uint32_t events UNUSED)
{
    struct control *c = LIST_OF(w, struct control, talker);
    ssize_t n = recv(w->fd, c->line + c->at, sizeof(c->line) - c->at, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    c->at += n > 0 ? (size_t)n : 0;
    const char *end = memchr(c->line, '\n', c->at);
    if (end != NULL || n <= 0 || c->at == sizeof(c->line))
        answer(c, end);
}

static void on_listener(struct watch *w, uint32_t events UNUSED)
{
    struct control *c = LIST_OF(w, struct control, listener);
    AUTO_FD int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    c->at = 0;
    c->until_ms = w->loop->now_ms + TALK_MS;
    watch_init(&c->talker, w->loop, &fd, on_talker);
    if (watch_for(w, 0) != OK || watch_for(&c->talker, EPOLLIN) != OK)
        end_talk(c);
}

err_t control_open(struct control *c, struct loop *l, const struct address *at, struct forwarder *f, size_t n_rows)
{
    AUTO_FD int fd = -1;
    uint32_t port = 0;
    c->listener.fd = c->talker.fd = -1;
    c->forwarder = f;
    c->n_rows = n_rows;
    if (at->family == 0)
        return OK;
    if (address_listen(at, &fd, &port) != OK) {
        print_line("cannot listen on %s for commands: %s", at->text, strerror(errno));
        return ERR_USAGE;
    }
    watch_init(&c->listener, l, &fd, on_listener);
    return watch_for(&c->listener, EPOLLIN);
}

void control_close(struct control *c)
{
    watch_close(&c->talker);
    watch_close(&c->listener);
}

void control_tick(struct control *c)
{
    if (c->talker.fd >= 0 && c->talker.loop->now_ms >= c->until_ms)
        end_talk(c);
}
