/* Reading requests with llhttp, in its strict mode, and deciding when a connection can live on. */
#include "front/http1.h"

static struct http1 *of_parser(llhttp_t *parser)
{
    return parser->data;
}

/* ── what the parser finds ── */

static int found(struct http1 *h, err_t e)
{
    h->failed = e;
    return e == OK ? 0 : HPE_USER;
}

static int on_url(llhttp_t *parser, const char *at, size_t n)
{
    struct http1 *h = of_parser(parser);
    return found(h, head_put(&h->req.head, &h->req.head.target, view_of(at, n)));
}

static int on_field(llhttp_t *parser, const char *at, size_t n)
{
    struct http1 *h = of_parser(parser);
    if (h->in != IN_HEAD)
        return 0; /* a trailer */
    err_t e = h->field == NULL ? head_next(&h->req.head, &h->field) : OK;
    return found(h, e != OK ? why_set(&h->why, e, "a request may have %d header fields", HTTP_FIELDS_MAX)
                            : head_put(&h->req.head, &h->field->name, view_of(at, n)));
}

static int on_value(llhttp_t *parser, const char *at, size_t n)
{
    struct http1 *h = of_parser(parser);
    return h->in != IN_HEAD ? 0 : found(h, head_put(&h->req.head, &h->field->value, view_of(at, n)));
}

static int on_value_complete(llhttp_t *parser)
{
    struct http1 *h = of_parser(parser);
    if (h->in != IN_HEAD)
        return 0;
    err_t e = head_put(&h->req.head, &h->field->value, (struct view){0}); /* an empty value is not an absent one */
    head_trim(&h->field->value);
    h->field = NULL;
    return found(h, e);
}

static enum http_method method_of(const llhttp_t *parser)
{
    switch (parser->method) {
    case HTTP_GET:
        return METHOD_GET;
    case HTTP_HEAD:
        return METHOD_HEAD;
    case HTTP_POST:
        return METHOD_POST;
    case HTTP_PUT:
        return METHOD_PUT;
    case HTTP_DELETE:
        return METHOD_DELETE;
    case HTTP_OPTIONS:
        return METHOD_OPTIONS;
    default:
        return METHOD_OTHER;
    }
}

/* What RFC 9112 asks beyond the parser: §3.2 Host, §6.1 and §6.3 framing. */
static err_t check_framing(struct http1 *h)
{
    const struct view *known = h->req.head.known;
    bool coded = known[KNOWN_TRANSFER_ENCODING].data != NULL;
    if (h->parser.http_major != 1 || h->parser.http_minor > 1)
        return why_set(&h->why, ERR_BAD_REQUEST, "the version must be HTTP/1.0 or HTTP/1.1");
    if (h->parser.http_minor == 1 && known[KNOWN_HOST].data == NULL)
        return why_set(&h->why, ERR_BAD_REQUEST, "the header field host is missing");
    if (coded && (h->parser.http_minor == 0 || known[KNOWN_CONTENT_LENGTH].data != NULL))
        return why_set(&h->why, ERR_BAD_REQUEST, "the header field transfer-encoding is not allowed here");
    if (coded && !text_is(known[KNOWN_TRANSFER_ENCODING], "chunked"))
        return why_set(&h->why, ERR_BAD_REQUEST, "the only transfer-encoding is chunked");
    h->chunked = coded;
    return head_expects(&h->req.head, &h->expects);
}

static void say_continue(struct http1 *h)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    memcpy(h->bytes, text, sizeof(text) - 1);
    h->out_len = sizeof(text) - 1;
}

static err_t begin_request(struct http1 *h)
{
    TRY(head_check(&h->req.head, &h->why));
    TRY(check_framing(h));
    h->keep = llhttp_should_keep_alive(&h->parser);
    h->in = IN_BODY;
    request_begin(&h->req, method_of(&h->parser));
    if (!h->req.owed)
        return OK;
    TRY(request_frame(&h->req, !h->chunked, h->parser.content_length, &h->why));
    if (h->expects && h->parser.http_minor == 1 && (h->chunked || h->parser.content_length > 0))
        say_continue(h);
    return OK;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct http1 *h = of_parser(parser);
    parser->upgrade = 0; /* nothing is spoken here but HTTP: an offer to change is not taken */
    int rc = found(h, begin_request(h));
    return h->closing ? HPE_USER : rc;
}

static int on_body(llhttp_t *parser, const char *at, size_t n)
{
    struct http1 *h = of_parser(parser);
    h->content += n;
    return h->req.owed ? found(h, request_body(&h->req, view_of(at, n), &h->why)) : 0;
}

static int on_message_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED; /* what follows is the next request's */
}

/* ── the state of a request ── */

static void http1_reply(struct request *r, struct http_answer *a);
static const struct carrier http1_carrier = {.answer = http1_reply};

static err_t open_request(struct conn *c)
{
    static const llhttp_settings_t settings = {
        .on_url = on_url,
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_header_value_complete = on_value_complete,
        .on_headers_complete = on_headers_complete,
        .on_body = on_body,
        .on_message_complete = on_message_complete,
    };
    struct http_server *s = c->server;
    struct http1 *h = pool_take(&s->http1);
    if (h == NULL)
        return ERR_NOMEM;
    memset(h, 0, offsetof(struct http1, req));
    h->conn = c;
    llhttp_init(&h->parser, HTTP_REQUEST, &settings);
    h->parser.data = h;
    request_init(&h->req, s, &http1_carrier, h->head, s->header_max);
    c->state = h;
    return OK;
}

static void close_request(struct conn *c)
{
    struct http1 *h = c->state;
    if (h == NULL)
        return;
    request_drop(&h->req);
    http1_answer_done(h);
    c->state = NULL;
    c->turned = true;
    pool_give(&c->server->http1, h);
}

static struct view http1_output(const struct conn *c)
{
    const struct http1 *h = c->state;
    if (h == NULL)
        return (struct view){0};
    return h->out_sent < h->out_len ? view_of(h->bytes + h->out_sent, h->out_len - h->out_sent) : h->rest;
}

/* The next request can come when this one was read to its end and answered. */
static void turn(struct conn *c)
{
    struct http1 *h = c->state;
    if (h->in == IN_DONE && h->out == OUT_ANSWER && !h->closing && http1_output(c).len == 0)
        close_request(c);
}

static void http1_sent(struct conn *c, size_t n)
{
    struct http1 *h = c->state;
    if (h->out_sent < h->out_len) {
        h->out_sent += n;
    } else {
        h->rest.data += n;
        h->rest.len -= n;
    }
    if (h->out_sent == h->out_len)
        h->out_sent = h->out_len = 0;
    turn(c);
}

static void queue_answer(struct http1 *h, struct http_answer *a)
{
    h->out = OUT_ANSWER;
    http1_write(h, a, !h->closing);
}

/* The server's own answer to a request that broke a rule. After an answer there is none; the connection just ends. */
static void refuse(struct http1 *h, err_t e)
{
    struct http_answer a = {0};
    h->closing = true;
    request_drop(&h->req);
    if (h->out == OUT_ANSWER)
        return;
    http_answer_error(&a, e, &h->why, 0);
    request_count(&h->req, a.status);
    queue_answer(h, &a);
}

/* Whether what the client still sends of this request is little enough to be read and forgotten. A client that waits
   for 100 Continue may or may not send it. */
static bool rest_is_small(const struct http1 *h)
{
    return h->in == IN_DONE || (!h->chunked && !h->expects && h->parser.content_length <= DISCARD_MAX);
}

static void http1_reply(struct request *r, struct http_answer *a)
{
    struct http1 *h = LIST_OF(r, struct http1, req);
    h->closing = !h->keep || h->conn->server->draining || !rest_is_small(h);
    queue_answer(h, a);
    conn_wake(h->conn);
}

/* ── the protocol's functions ── */

static void end_body(struct http1 *h)
{
    h->in = IN_DONE;
    err_t e = h->req.owed ? request_end(&h->req) : OK;
    if (e != OK)
        refuse(h, e);
    else
        turn(h->conn);
}

/* Gives the parser what it may see: of the head no more than its limit. */
static err_t parse(struct http1 *h, struct view *in)
{
    size_t header_max = h->conn->server->header_max;
    size_t n = h->in == IN_HEAD ? MIN(in->len, header_max - h->taken) : in->len;
    struct view part = {0};
    llhttp_errno_t e = llhttp_execute(&h->parser, (const char *)in->data, n);
    if (e == HPE_PAUSED)
        n = (size_t)(llhttp_get_error_pos(&h->parser) - (const char *)in->data);
    TRY(view_take(in, n, &part));
    h->taken += n;
    if (h->closing)
        return OK;
    if (h->failed != OK)
        refuse(h, h->failed);
    else if (e == HPE_PAUSED)
        end_body(h);
    else if (e != HPE_OK)
        refuse(h, ERR_BAD_REQUEST);
    else if (h->in == IN_HEAD && h->taken == header_max)
        refuse(h, why_set(&h->why, ERR_HEADERS_TOO_LARGE, "the request head may have %zu bytes", header_max));
    else if (h->in == IN_BODY && h->taken - h->content > header_max + FRAMING_MAX)
        refuse(h, why_set(&h->why, ERR_BAD_REQUEST, "the chunks of the body are too small"));
    return OK;
}

static err_t http1_input(struct conn *c, struct view *in)
{
    if (c->state == NULL)
        TRY(open_request(c));
    struct http1 *h = c->state;
    if (h->closing)
        in->len = 0;
    return h->in != IN_DONE && in->len > 0 ? parse(h, in) : OK;
}

static enum phase http1_phase(const struct conn *c)
{
    const struct http1 *h = c->state;
    if (h == NULL)
        return PHASE_IDLE;
    if (http1_output(c).len > 0)
        return PHASE_SEND;
    if (h->closing)
        return PHASE_LINGER;
    if (h->in == IN_DONE)
        return PHASE_WORK;
    return h->in == IN_HEAD ? PHASE_HEAD : PHASE_BODY;
}

static bool http1_expire(struct conn *c)
{
    struct http1 *h = c->state;
    if (h == NULL || h->in == IN_DONE || h->out == OUT_ANSWER)
        return false;
    refuse(h, h->in == IN_HEAD ? ERR_HEADER_TIMEOUT : ERR_BODY_TIMEOUT);
    return true;
}

const struct protocol http1_protocol = {
    .input = http1_input,
    .output = http1_output,
    .sent = http1_sent,
    .phase = http1_phase,
    .expire = http1_expire,
    .end = close_request,
};
