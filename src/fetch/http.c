/* libcurl's multi interface on an epoll. */
#include "fetch/http.h"

#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <curl/curl.h>
#include <string.h>
#include <sys/epoll.h>

#define BUFFER_BYTES ((long)(64 * KIB))
#define CONNECTIONS  64L
#define FIELDS_MAX   (64 * KIB) /* heads and trailer of a call together: libcurl keeps them all */
#define PIECES_FREE  4096       /* so many may be of any size */
#define PIECE_MEAN   64         /* bytes; smaller ones, as chunks of one byte, cost more time than they bring */
#define NO_TIMER     UINT64_MAX

struct http_call {
    struct http *http;
    CURL *easy;
    const struct http_owner *owner;
    void *user;
    bool busy;
    bool headed;  /* `head` was called */
    err_t failed; /* what the owner said */
    uint64_t body_max;
    uint64_t received;
    uint64_t pieces; /* in which they came */
    size_t fields;   /* bytes of them */
};

struct http {
    CURLM *multi;
    int epoll;
    const char *ca_file;
    uint64_t timer_ms;
    struct http_call calls[HTTP_CALLS_MAX];
};

/* ── libcurl itself ── */

static void *curl_alloc(size_t n)
{
    return mem_alloc(1, n);
}

static char *curl_copy(const char *text)
{
    return mem_copy(text, strlen(text) + 1);
}

err_t http_setup(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_alloc, mem_free, mem_resize, curl_copy, mem_alloc) == CURLE_OK
               ? OK
               : ERR_NOMEM;
}

const char *http_default_ca_file(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    return info->age >= CURLVERSION_SEVENTH ? info->cainfo : NULL;
}

err_t http_field(struct curl_slist **list, const char *field)
{
    struct curl_slist *longer = curl_slist_append(*list, field);
    if (longer == NULL)
        return ERR_NOMEM;
    *list = longer;
    return OK;
}

void http_fields_free(struct curl_slist **list)
{
    curl_slist_free_all(TAKE_PTR(*list));
}

/* ── what it asks of the loop ── */

static int on_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *user, void *known)
{
    static char yes;
    struct http *h = user;
    struct epoll_event event = {.data.u64 = (uint64_t)fd};
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if ((what & CURL_POLL_IN) != 0)
        event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0)
        event.events |= EPOLLOUT;
    if (known == NULL)
        (void)curl_multi_assign(h->multi, fd, &yes);
    return epoll_ctl(h->epoll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -1;
}

static int on_timer(CURLM *multi UNUSED, long ms, void *user)
{
    struct http *h = user;
    h->timer_ms = ms < 0 ? NO_TIMER : clock_mono_ms() + (uint64_t)ms;
    return 0;
}

int http_timeout(const struct http *h)
{
    uint64_t now = clock_mono_ms();
    if (h->timer_ms == NO_TIMER)
        return -1;
    return h->timer_ms <= now ? 0 : (int)MIN(h->timer_ms - now, 60000U);
}

/* ── the owner's side ── */

static err_t tell_head(struct http_call *c)
{
    struct http_head head = {.length = -1};
    curl_off_t length = -1;
    char *type = NULL;
    (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &head.status);
    (void)curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(c->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    head.content_type = type;
    head.length = length;
    c->headed = true;
    if (head.length > 0 && (uint64_t)head.length > c->body_max)
        return ERR_BODY_TOO_LARGE;
    return c->owner->head(c->user, &head);
}

static size_t on_data(char *bytes, size_t size, size_t count, void *user)
{
    struct http_call *c = user;
    struct view v = view_of(bytes, size * count);
    err_t e = c->headed ? OK : tell_head(c);
    if (e == OK && v.len > c->body_max - c->received)
        e = ERR_BODY_TOO_LARGE;
    if (e == OK && ++c->pieces > PIECES_FREE && c->received < c->pieces * PIECE_MEAN)
        e = ERR_PROTOCOL;
    if (e == OK)
        e = c->owner->data(c->user, v);
    if (e == ERR_WOULD_BLOCK)
        return CURL_WRITEFUNC_PAUSE;
    c->failed = e;
    if (e != OK)
        return 0;
    c->received += v.len;
    return v.len;
}

static size_t on_field(char *line UNUSED, size_t size, size_t count, void *user)
{
    struct http_call *c = user;
    c->fields += size * count;
    if (c->fields <= FIELDS_MAX)
        return size * count;
    c->failed = ERR_HEADERS_TOO_LARGE;
    return 0;
}

static void give_back(struct http_call *c)
{
    (void)curl_multi_remove_handle(c->http->multi, c->easy);
    c->busy = false;
}

static void end_call(struct http_call *c, CURLcode code)
{
    struct http_end end = {.result = c->failed, .code = (unsigned)code};
    curl_off_t seconds = 0;
    long status = 0;
    if (code == CURLE_OK && !c->headed)
        end.result = tell_head(c);
    else if (c->failed == OK && code != CURLE_OK)
        end.result = code == CURLE_FILESIZE_EXCEEDED ? ERR_BODY_TOO_LARGE : ERR_CLOSED;
    if (curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
        end.retry_after_ms = (uint64_t)MIN(seconds, 86400) * 1000;
    if (curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
        end.status = (unsigned)status;
    give_back(c);
    c->owner->end(c->user, &end);
}

static void tell_ends(struct http *h)
{
    int left = 0;
    for (CURLMsg *m = curl_multi_info_read(h->multi, &left); m != NULL; m = curl_multi_info_read(h->multi, &left)) {
        char *call = NULL;
        if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &call) == CURLE_OK)
            end_call((struct http_call *)(void *)call, m->data.result);
    }
}

void http_ready(struct http *h, int fd, uint32_t events)
{
    int running = 0, mask = 0;
    if ((events & EPOLLIN) != 0)
        mask |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0)
        mask |= CURL_CSELECT_OUT;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        mask |= CURL_CSELECT_IN | CURL_CSELECT_ERR;
    (void)curl_multi_socket_action(h->multi, fd, mask, &running);
}

void http_run(struct http *h)
{
    int running = 0;
    if (h->timer_ms <= clock_mono_ms()) {
        h->timer_ms = NO_TIMER;
        (void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    tell_ends(h);
}

/* ── calls ── */

#define SET(option, value)                                                                                             \
    do {                                                                                                               \
        if (curl_easy_setopt(easy, option, value) != CURLE_OK)                                                         \
            return ERR_NOMEM;                                                                                          \
    } while (0)

/* What is the same for all. The cache of certificates (one for all connections) works with a file alone. */
static err_t set_common(CURL *easy, const struct http *h)
{
    SET(CURLOPT_WRITEFUNCTION, on_data);
    SET(CURLOPT_HEADERFUNCTION, on_field);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_USERAGENT, "veronnx/" VERONNX_VERSION);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* never waits for a name server, whose thread ends by itself */
    SET(CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_SLOWEST);
    SET(CURLOPT_LOW_SPEED_TIME, (long)HTTP_SILENCE_S);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_CA_CACHE_TIMEOUT, -1L);
    if (h->ca_file != NULL)
        SET(CURLOPT_CAINFO, h->ca_file);
    return OK;
}

static err_t set_request(CURL *easy, struct http_call *c, const struct http_request *r)
{
    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_PIPEWAIT, strncmp(r->url, "https:", 6) == 0 ? 1L : 0L);
    SET(CURLOPT_HTTPHEADER, r->fields);
    SET(CURLOPT_WRITEDATA, c);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_PRIVATE, c);
    if (r->post) {
        SET(CURLOPT_POSTFIELDS, "");
        SET(CURLOPT_POSTFIELDSIZE, 0L);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    return OK;
}

static struct http_call *free_call(struct http *h)
{
    for (size_t i = 0; i < HTTP_CALLS_MAX; i++)
        if (!h->calls[i].busy)
            return &h->calls[i];
    return NULL;
}

static err_t new_easy(struct http_call *c)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return ERR_NOMEM;
    err_t e = set_common(easy, c->http);
    if (e != OK)
        curl_easy_cleanup(easy);
    else
        c->easy = easy;
    return e;
}

err_t http_start(struct http *h, const struct http_request *r, struct http_call **ret)
{
    struct http_call *c = free_call(h);
    if (c == NULL)
        return ERR_OVERLOADED;
    CURL *easy = c->easy;
    *c = (struct http_call){.http = h, .easy = easy, .owner = r->owner, .user = r->user, .body_max = r->body_max};
    if (c->easy == NULL)
        TRY(new_easy(c));
    TRY(set_request(c->easy, c, r));
    if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK)
        return ERR_NOMEM;
    c->busy = true;
    *ret = c;
    return OK;
}

void http_cancel(struct http *h UNUSED, struct http_call **call)
{
    struct http_call *c = TAKE_PTR(*call);
    if (c != NULL)
        give_back(c);
}

void http_resume(struct http *h UNUSED, struct http_call *call)
{
    (void)curl_easy_pause(call->easy, CURLPAUSE_CONT);
}

/* ── the whole ── */

#define SET_MULTI(option, value)                                                                                       \
    do {                                                                                                               \
        if (curl_multi_setopt(h->multi, option, value) != CURLM_OK)                                                    \
            return ERR_NOMEM;                                                                                          \
    } while (0)

static err_t set_multi(struct http *h)
{
    SET_MULTI(CURLMOPT_SOCKETFUNCTION, on_socket);
    SET_MULTI(CURLMOPT_SOCKETDATA, h);
    SET_MULTI(CURLMOPT_TIMERFUNCTION, on_timer);
    SET_MULTI(CURLMOPT_TIMERDATA, h);
    SET_MULTI(CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    SET_MULTI(CURLMOPT_MAXCONNECTS, CONNECTIONS);
    return OK;
}

err_t http_new(int epoll, const char *ca_file, struct http **ret)
{
    AUTO(http_free) struct http *h = mem_alloc(1, sizeof(*h));
    if (h == NULL)
        return ERR_NOMEM;
    *h = (struct http){.epoll = epoll, .ca_file = ca_file, .timer_ms = NO_TIMER};
    h->multi = curl_multi_init();
    if (h->multi == NULL)
        return ERR_NOMEM;
    TRY(set_multi(h));
    *ret = TAKE_PTR(h);
    return OK;
}

void http_free(struct http **http)
{
    struct http *h = TAKE_PTR(*http);
    if (h == NULL)
        return;
    for (size_t i = 0; i < HTTP_CALLS_MAX; i++) {
        if (h->calls[i].busy)
            give_back(&h->calls[i]);
        if (h->calls[i].easy != NULL)
            curl_easy_cleanup(h->calls[i].easy);
    }
    if (h->multi != NULL)
        (void)curl_multi_cleanup(h->multi);
    mem_free(h);
}
