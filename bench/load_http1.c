/* Load by HTTP/1.1: the request's bytes as they are, an answer with the wanted status and a Content-Length. */
#include "load.h"
#include "rounds.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static err_t send_rest(struct conn *c)
{
    while (c->sent < c->load->request.len) {
        size_t n = 0;
        err_t e = load_send(c, c->load->request.data + c->sent, c->load->request.len - c->sent, &n);
        if (e != OK) {
            load_watch(c, true);
            return e;
        }
        c->sent += n;
    }
    load_watch(c, false);
    return OK;
}

static err_t begin(struct conn *c)
{
    c->sent = c->http1.got = c->http1.size = 0;
    err_t e = send_rest(c);
    return e == ERR_WOULD_BLOCK ? OK : e;
}

static bool has_status(const struct conn *c, const char *status)
{
    return *status != '\0' && strncmp(c->http1.head, status, strlen(status)) == 0;
}

/* The head is complete when it has its empty line; then status and length are known. */
static err_t read_head(struct conn *c)
{
    static const char field[] = "\r\nContent-Length: ";
    c->http1.head[MIN(c->http1.got, LOAD_HEAD_MAX)] = '\0';
    const char *end = strstr(c->http1.head, "\r\n\r\n");
    if (end == NULL)
        return c->http1.got < LOAD_HEAD_MAX ? OK : ERR_HEADERS_TOO_LARGE;
    const char *length = strcasestr(c->http1.head, field);
    c->is_other = has_status(c, c->load->other);
    if ((!c->is_other && !has_status(c, c->load->status)) || length == NULL || length > end)
        give_up("an answer that was not wanted", c->http1.head);
    c->http1.size = (size_t)(end - c->http1.head) + 4 + strtoul(length + strlen(field), NULL, 10);
    return OK;
}

/* Takes what has come; OK when the answer is complete. */
static err_t receive(struct conn *c)
{
    static char body[64 * KIB];
    while (c->http1.size == 0 || c->http1.got < c->http1.size) {
        bool in_head = c->http1.size == 0;
        size_t n = 0;
        TRY(in_head ? load_receive(c, c->http1.head + c->http1.got, LOAD_HEAD_MAX - c->http1.got, &n)
                    : load_receive(c, body, sizeof(body), &n));
        c->http1.got += n;
        if (in_head)
            TRY(read_head(c));
    }
    return c->http1.got == c->http1.size ? OK : ERR_PROTOCOL;
}

static err_t advance(struct conn *c)
{
    if (c->sent < c->load->request.len)
        TRY(send_rest(c));
    return receive(c);
}

const struct load_protocol load_http1 = {
    .alpn = (const unsigned char *)"\x08http/1.1",
    .alpn_len = 9,
    .begin = begin,
    .advance = advance,
};
