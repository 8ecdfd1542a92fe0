/* A client of HTTP/2. */
#include "h2_peer.h"

#include "base/fd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct h2_answer *find(struct h2_peer *p, int32_t id)
{
    for (size_t i = 0; i < H2_PEER_STREAMS; i++)
        if (p->answers[i].id == id)
            return &p->answers[i];
    return NULL;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *self)
{
    struct h2_answer *a = find(self, frame->hd.stream_id);
    struct view n = view_of(name, name_len);
    (void)session;
    (void)flags;
    if (a == NULL)
        return 0;
    if (view_is(n, ":status"))
        a->status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + value[2] - '0';
    if (view_is(n, "grpc-status"))
        (void)snprintf(a->grpc_status, sizeof(a->grpc_status), "%.*s", (int)value_len, (const char *)value);
    if (view_is(n, "grpc-encoding"))
        (void)snprintf(a->coding, sizeof(a->coding), "%.*s", (int)value_len, (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n, void *self)
{
    struct h2_answer *a = find(self, id);
    (void)session;
    (void)flags;
    if (a == NULL)
        return 0;
    a->body = realloc(a->body, a->n_body + n + 1);
    assert_non_null(a->body);
    memcpy(a->body + a->n_body, bytes, n);
    a->n_body += n;
    a->body[a->n_body] = '\0';
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *self)
{
    struct h2_answer *a = find(self, id);
    (void)session;
    if (a == NULL)
        return 0;
    a->ended = true;
    a->error = code;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct h2_peer *p = self;
    (void)session;
    p->goaway = p->goaway || frame->hd.type == NGHTTP2_GOAWAY;
    return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                         nghttp2_data_source *source, void *self)
{
    struct h2_peer *p = self;
    size_t n = MIN(room, p->sending.len);
    (void)session;
    (void)id;
    (void)source;
    assert_int_equal(n > 0 ? view_copy(&p->sending, to, n) : OK, OK);
    if (n == 0 && p->open)
        return NGHTTP2_ERR_DEFERRED;
    if (p->sending.len == 0 && !p->open)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

void h2_peer_open(struct h2_peer *p, int *fd)
{
    nghttp2_session_callbacks *cb = NULL;
    *p = (struct h2_peer){.fd = TAKE_FD(*fd)};
    assert_int_equal(nghttp2_session_callbacks_new(&cb), 0);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    assert_int_equal(nghttp2_session_client_new(&p->session, cb, p), 0);
    nghttp2_session_callbacks_del(cb);
    assert_int_equal(nghttp2_submit_settings(p->session, NGHTTP2_FLAG_NONE, NULL, 0), 0);
}

void h2_peer_close(struct h2_peer *p)
{
    nghttp2_session_del(p->session);
    for (size_t i = 0; i < H2_PEER_STREAMS; i++)
        free(p->answers[i].body);
    fd_close(&p->fd);
    p->session = NULL;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value),
                        NGHTTP2_NV_FLAG_NONE};
}

struct h2_answer *h2_peer_ask(struct h2_peer *p, const char *method, const char *path, const char *const *fields,
                              struct view body)
{
    nghttp2_nv nv[16] = {field(":method", method), field(":scheme", "https"), field(":path", path),
                         field(":authority", "x")};
    size_t n = 4;
    const nghttp2_data_provider provider = {.read_callback = read_body};
    struct h2_answer *a = find(p, 0);
    for (; fields != NULL && fields[0] != NULL; fields += 2)
        nv[n++] = field(fields[0], fields[1]);
    assert_non_null(a);
    p->sending = body;
    a->id = nghttp2_submit_request(p->session, NULL, nv, n, body.data != NULL ? &provider : NULL, NULL);
    assert_true(a->id > 0);
    return a;
}

void h2_peer_more(struct h2_peer *p, const struct h2_answer *a, struct view body)
{
    p->sending = body;
    assert_int_equal(nghttp2_session_resume_data(p->session, a->id), 0);
}

static void write_all(struct h2_peer *p)
{
    for (;;) {
        ssize_t n = p->unsent.len > 0 ? 0 : nghttp2_session_mem_send(p->session, &p->unsent.data);
        p->unsent.len += n > 0 ? (size_t)n : 0;
        if (p->unsent.len == 0)
            return;
        n = send(p->fd, p->unsent.data, p->unsent.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        size_t sent = n < 0 ? p->unsent.len : (size_t)n; /* the server may have closed */
        p->unsent = view_of(p->unsent.data + sent, p->unsent.len - sent);
    }
}

void h2_peer_turn(struct h2_peer *p)
{
    static uint8_t part[64 * KIB];
    ssize_t n = 0;
    write_all(p);
    while ((n = recv(p->fd, part, sizeof(part), MSG_DONTWAIT)) > 0)
        assert_int_equal(nghttp2_session_mem_recv(p->session, part, (size_t)n), n);
    p->eof = p->eof || n == 0;
    write_all(p);
}
