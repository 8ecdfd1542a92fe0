/* Two requests with libcurl, one after the other, moved on by the tick. */
#include "host/heartbeat.h"

#include "base/clock.h"
#include "base/mem.h"
#include "host/print.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX      (HEARTBEAT_ANSWER_MAX + 128)
#define FIELDS_MAX    (16 * KIB) /* head and trailer together: libcurl keeps them all */
#define STEPS_AT_ONCE 4          /* of libcurl: what needs no waiting is done in one tick */

enum step { RESTING, ASKING, POSTING };

struct heartbeat {
    struct heartbeat_options options;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *fields;
    enum step step;
    unsigned tries;
    uint64_t due_ms; /* the next try */
    size_t fields_len;
    size_t answer_len;
    char answer[HEARTBEAT_ANSWER_MAX + 1];
    char text[TEXT_MAX];
};

/* ── the text ── */

err_t heartbeat_compose(const char *answer, const char *contract, char *ret_text, size_t max)
{
    size_t n = strlen(answer);
    while (n > 0 && answer[n - 1] == '\n')
        n--;
    if (n < 3 || answer[0] != '{' || answer[1] != '"' || answer[n - 1] != '}')
        return ERR_PROTOCOL;
    for (size_t i = 0; i < n; i++)
        if (answer[i] < ' ' || answer[i] > '~')
            return ERR_PROTOCOL;
    int written = snprintf(ret_text, max, "%.*s,\"contractAddress\":\"%s\"}", (int)(n - 1), answer, contract);
    return written > 0 && (size_t)written < max ? OK : ERR_PROTOCOL;
}

/* ── a request ── */

/* What is longer than a heartbeat is none: taking less than there is ends the request. */
static size_t on_data(char *data, size_t size, size_t n, void *user)
{
    struct heartbeat *b = user;
    size_t len = size * n;
    if (len > HEARTBEAT_ANSWER_MAX - b->answer_len)
        return 0;
    memcpy(b->answer + b->answer_len, data, len);
    b->answer_len += len;
    b->answer[b->answer_len] = '\0';
    return len;
}

static size_t on_field(char *line UNUSED, size_t size, size_t n, void *user)
{
    struct heartbeat *b = user;
    b->fields_len += size * n;
    return b->fields_len <= FIELDS_MAX ? size * n : 0;
}

#define SET(option, value)                                                                                             \
    do {                                                                                                               \
        if (curl_easy_setopt(b->easy, option, value) != CURLE_OK)                                                      \
            return ERR_NOMEM;                                                                                          \
    } while (0)

/* A connection of its own for each: there are minutes in between. */
static err_t set_common(struct heartbeat *b)
{
    SET(CURLOPT_WRITEFUNCTION, on_data);
    SET(CURLOPT_WRITEDATA, b);
    SET(CURLOPT_HEADERFUNCTION, on_field);
    SET(CURLOPT_HEADERDATA, b);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_USERAGENT, "veronnx/" VERONNX_VERSION);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)HEARTBEAT_TIME_MS);
    SET(CURLOPT_HTTPHEADER, b->fields);
    return OK;
}

static err_t start(struct heartbeat *b, enum step step)
{
    SET(CURLOPT_URL, step == ASKING ? b->options.from : b->options.to);
    if (step == ASKING)
        SET(CURLOPT_HTTPGET, 1L);
    else
        SET(CURLOPT_POSTFIELDS, b->text);
    b->answer_len = b->fields_len = 0;
    b->answer[0] = '\0';
    if (curl_multi_add_handle(b->multi, b->easy) != CURLM_OK)
        return ERR_NOMEM;
    b->step = step;
    return OK;
}

/* ── one after the other ── */

static uint64_t every_ms(const struct heartbeat *b)
{
    return b->options.every_s * UINT64_C(1000);
}

static void rest(struct heartbeat *b, uint64_t now_ms, const char *what)
{
    bool again = what != NULL && ++b->tries < HEARTBEAT_TRIES;
    if (what != NULL)
        print_line("heartbeat: %s, %s", what, again ? "trying again" : "giving up until the next one");
    else
        print_line("heartbeat: posted");
    if (!again)
        b->tries = 0;
    b->due_ms = now_ms + (again ? MIN(HEARTBEAT_AGAIN_MS, every_ms(b)) : every_ms(b));
    b->step = RESTING;
}

static void on_end(struct heartbeat *b, CURLcode result, uint64_t now_ms)
{
    enum step step = b->step;
    (void)curl_multi_remove_handle(b->multi, b->easy);
    if (result != CURLE_OK)
        rest(b, now_ms, curl_easy_strerror(result));
    else if (step == POSTING)
        rest(b, now_ms, NULL);
    else if (heartbeat_compose(b->answer, b->options.contract, b->text, sizeof(b->text)) != OK)
        rest(b, now_ms, "the enclave's answer is none");
    else if (start(b, POSTING) != OK)
        rest(b, now_ms, "out of memory");
}

void heartbeat_tick(struct heartbeat *b, uint64_t now_ms)
{
    int running = 0, left = 0;
    if (b == NULL)
        return;
    if (b->step == RESTING && now_ms >= b->due_ms && start(b, ASKING) != OK)
        rest(b, now_ms, "out of memory");
    for (unsigned i = 0; i < STEPS_AT_ONCE && b->step != RESTING; i++) {
        (void)curl_multi_perform(b->multi, &running);
        const CURLMsg *m = curl_multi_info_read(b->multi, &left);
        if (m != NULL && m->msg == CURLMSG_DONE)
            on_end(b, m->data.result, now_ms);
    }
}

/* ── the whole ── */

err_t heartbeat_new(const struct heartbeat_options *o, struct heartbeat **ret)
{
    if (o->to == NULL) {
        *ret = NULL;
        return OK;
    }
    AUTO(heartbeat_free) struct heartbeat *b = mem_alloc(1, sizeof(*b));
    if (b == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_NOMEM;
    b->options = *o;
    b->due_ms = clock_mono_ms() + every_ms(b);
    b->multi = curl_multi_init();
    b->easy = curl_easy_init();
    b->fields = curl_slist_append(NULL, "Content-Type: application/json");
    if (b->multi == NULL || b->easy == NULL || b->fields == NULL)
        return ERR_NOMEM;
    TRY(set_common(b));
    *ret = TAKE_PTR(b);
    return OK;
}

void heartbeat_free(struct heartbeat **heartbeat)
{
    struct heartbeat *b = TAKE_PTR(*heartbeat);
    if (b == NULL)
        return;
    if (b->step != RESTING)
        (void)curl_multi_remove_handle(b->multi, b->easy);
    curl_easy_cleanup(b->easy);
    (void)curl_multi_cleanup(b->multi);
    curl_slist_free_all(b->fields);
    mem_free(b);
}
