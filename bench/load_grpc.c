/* Load by gRPC: a unary call of ModelInfer on each connection, again and again, over nghttp2. Other answers than
   those with grpc-status 0 end it. */
#include "load.h"
#include "rounds.h"

#include "base/text.h"

#include <string.h>

#define WINDOW   (1 << 30)   /* of the answers: never in the way */
#define GATHERED (128 * KIB) /* then they are sent, in records that are full but for the last */
#define BYTES(s) (uint8_t *)(uintptr_t)(s)
#define FIELD(n, v)                                                                                                    \
    {                                                                                                                  \
        BYTES(n), BYTES(v), sizeof(n) - 1, sizeof(v) - 1, NGHTTP2_NV_FLAG_NONE                                         \
    }

static const nghttp2_nv head[] = {
    FIELD(":method", "POST"),
    FIELD(":scheme", "https"),
    FIELD(":path", "/inference.GRPCInferenceService/ModelInfer"),
    FIELD(":authority", "localhost"),
    FIELD("content-type", "application/grpc"),
    FIELD("te", "trailers"),
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *self)
{
    static const char status[] = "grpc-status";
    (void)session;
    (void)frame;
    (void)flags;
    (void)self;
    bool is_status = name_len == sizeof(status) - 1 && memcmp(name, status, name_len) == 0;
    if (is_status && (value_len != 1 || value[0] != '0'))
        give_up("an answer that was not wanted: grpc-status", (const char *)value);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error, void *self)
{
    struct conn *c = self;
    (void)session;
    (void)stream;
    if (error != NGHTTP2_NO_ERROR)
        give_up("a stream ended", nghttp2_http2_strerror(error));
    c->h2.ended = true;
    return 0;
}

/* The message with its prefix: the file as it is. */
static ssize_t read_request(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room, uint32_t *flags,
                            nghttp2_data_source *source, void *self)
{
    struct conn *c = self;
    const struct buf *request = &c->load->request;
    (void)session;
    (void)stream;
    (void)source;
    size_t n = MIN(room, request->len - c->sent);
    memcpy(to, request->data + c->sent, n);
    c->sent += n;
    if (c->sent == request->len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

/* As a client that writes a stream does: a record for each frame would make two of most, one with its last nine bytes.
   false: there is nothing to send. */
static bool gather(struct conn *c)
{
    const uint8_t *frame = NULL;
    ssize_t n = 0;
    c->h2.written = 0;
    buf_clear(&c->h2.out);
    while (c->h2.out.len < GATHERED && (n = nghttp2_session_mem_send(c->h2.session, &frame)) > 0)
        if (buf_put(&c->h2.out, frame, (size_t)n) != OK)
            give_up("HTTP/2", err_text(ERR_NOMEM));
    if (n < 0)
        give_up("HTTP/2", nghttp2_strerror((int)n));
    return c->h2.out.len > 0;
}

static err_t send_frames(struct conn *c)
{
    while (c->h2.written < c->h2.out.len || gather(c)) {
        size_t n = 0;
        err_t e = load_send(c, c->h2.out.data + c->h2.written, c->h2.out.len - c->h2.written, &n);
        if (e != OK) {
            load_watch(c, true);
            return e;
        }
        c->h2.written += n;
    }
    load_watch(c, false);
    return OK;
}

static void open_session(struct conn *c)
{
    static const nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW};
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        give_up("HTTP/2", err_text(ERR_NOMEM));
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    buf_init(&c->h2.out, 2 * GATHERED);
    if (nghttp2_session_client_new(&c->h2.session, callbacks, c) != 0 ||
        nghttp2_submit_settings(c->h2.session, NGHTTP2_FLAG_NONE, &window, 1) != 0 ||
        nghttp2_session_set_local_window_size(c->h2.session, NGHTTP2_FLAG_NONE, 0, WINDOW) != 0)
        give_up("HTTP/2", "no session");
    nghttp2_session_callbacks_del(callbacks);
    if (send_frames(c) != OK) /* the node does not wait long for them */
        give_up("HTTP/2", "no first frames");
}

static err_t begin(struct conn *c)
{
    const nghttp2_data_provider body = {.read_callback = read_request};
    c->sent = 0;
    c->h2.ended = false;
    if (nghttp2_submit_request(c->h2.session, NULL, head, COUNT_OF(head), &body, NULL) < 0)
        give_up("HTTP/2", "no stream");
    err_t e = send_frames(c);
    return e == ERR_WOULD_BLOCK ? OK : e;
}

static err_t advance(struct conn *c)
{
    static uint8_t bytes[64 * KIB];
    while (!c->h2.ended) {
        err_t e = send_frames(c);
        if (e != OK && e != ERR_WOULD_BLOCK)
            return e;
        size_t n = 0;
        TRY(load_receive(c, bytes, sizeof(bytes), &n));
        if (nghttp2_session_mem_recv(c->h2.session, bytes, n) != (ssize_t)n)
            return ERR_PROTOCOL;
    }
    return OK;
}

const struct load_protocol load_grpc = {
    .alpn = (const unsigned char *)"\x02h2",
    .alpn_len = 3,
    .open = open_session,
    .begin = begin,
    .advance = advance,
};
