/* Writing an answer: the head and as much of the body as fits go out in one piece. */
#include "front/http1.h"

#include "base/text.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return ""; /* RFC 9112 §4: it may be empty */
}

/* A cursor over `bytes` that remembers whether everything fitted. */
struct line {
    uint8_t *at;
    size_t room;
    bool full;
};

static void put(struct line *l, const void *bytes, size_t n)
{
    if (n > l->room) {
        l->full = true;
        return;
    }
    if (n > 0)
        memcpy(l->at, bytes, n);
    l->at += n;
    l->room -= n;
}

static inline void put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

static void put_number(struct line *l, uint64_t n)
{
    char digits[20];
    size_t i = sizeof(digits);
    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put(l, digits + i, sizeof(digits) - i);
}

static void put_id(struct line *l, uint64_t id)
{
    char digits[HEX_LEN(sizeof(id)) + 1];
    id = htobe64(id);
    hex_encode(&id, sizeof(id), digits);
    put_text(l, "\r\nVeronnx-Request-Id: ");
    put_text(l, digits);
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight bytes at a time: a receipt has a thousand. The highest bit of each is set for what is above '~', and for what
   is below ' '; nothing is carried from one into the next. */
static bool is_printable(struct view v)
{
    uint64_t odd = 0, word = 0;
    for (; v.len >= sizeof(word); v = view_of(v.data + sizeof(word), v.len - sizeof(word))) {
        memcpy(&word, v.data, sizeof(word));
        uint64_t low = word & EACH(0x7f);
        odd |= word | (low + EACH(0x7f - '~')) | ~(low + EACH(0x80 - ' '));
    }
    bool printable = (odd & EACH(0x80)) == 0;
    for (size_t i = 0; i < v.len; i++)
        printable = printable && v.data[i] >= ' ' && v.data[i] <= '~';
    return printable;
}

/* A value that is not printable would change what the fields after it mean. */
static void put_field(struct line *l, const struct http_field *field)
{
    l->full = l->full || !is_printable(field->value);
    put_text(l, "\r\n");
    put_text(l, field->name);
    put_text(l, ": ");
    put(l, field->value.data, field->value.len);
}

static struct view body_of(const struct http_answer *a)
{
    return a->body.len > 0 ? buf_view(&a->body) : a->text;
}

static void put_head(struct line *l, const struct http1 *h, const struct http_answer *a, bool keep)
{
    put_text(l, "HTTP/1.1 ");
    put_number(l, (uint64_t)a->status);
    put_text(l, " ");
    put_text(l, reason_of(a->status));
    if (a->type != NULL) {
        put_text(l, "\r\nContent-Type: ");
        put_text(l, a->type);
    }
    put_text(l, "\r\nContent-Length: ");
    put_number(l, body_of(a).len);
    put_id(l, h->req.pub.id);
    if (a->retry_s > 0) {
        put_text(l, "\r\nRetry-After: ");
        put_number(l, a->retry_s);
    }
    for (unsigned i = 0; i < MIN(a->n_fields, HTTP_EXTRA_MAX); i++)
        put_field(l, &a->fields[i]);
    if (!keep)
        put_text(l, "\r\nConnection: close");
    else if (h->parser.http_minor == 0)
        put_text(l, "\r\nConnection: keep-alive");
    put_text(l, "\r\n\r\n");
}

/* The whole head, or false when it does not fit or a field is not printable. */
static bool write_head(struct http1 *h, const struct http_answer *a, bool keep)
{
    struct line l = {.at = h->bytes + h->out_len, .room = OUT_ROOM - h->out_len};
    put_head(&l, h, a, keep);
    if (l.full)
        return false;
    h->out_len = OUT_ROOM - l.room;
    return true;
}

static void write_body(struct http1 *h, struct view body)
{
    size_t n = MIN(body.len, OUT_ROOM - h->out_len);
    if (n > 0)
        memcpy(h->bytes + h->out_len, body.data, n);
    h->out_len += n;
    h->rest = body.len > n ? view_of(body.data + n, body.len - n) : (struct view){0};
}

void http1_write(struct http1 *h, struct http_answer *a, bool keep)
{
    if (!write_head(h, a, keep)) {
        buf_done(&a->body);
        lease_done(&a->held);
        *a = (struct http_answer){0};
        http_answer_error(a, ERR_INTERNAL, NULL, 0);
        bool fits = write_head(h, a, keep);
        assert(fits);
    }
    if (h->req.pub.method != METHOD_HEAD)
        write_body(h, body_of(a));
    h->body = a->body;
    h->held = a->held;
    a->body = (struct buf){0};
    a->held = (struct lease){0};
    if (h->rest.len == 0)
        http1_answer_done(h);
}

void http1_answer_done(struct http1 *h)
{
    buf_done(&h->body);
    lease_done(&h->held);
}
