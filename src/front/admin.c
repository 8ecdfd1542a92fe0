/* The administration listener: plain HTTP in, typed questions to the supervisor out. */
#include "front/front.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "front/admin_certificate.h"
#include "front/admin_models.h"
#include "front/http.h"
#include "front/metrics_text.h"
#include "front/oip_path.h"
#include "front/resolve.h"
#include "jail/jail.h"
#include "tensor/json.h"
#include "wire/frame.h"
#include "wire/roles.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define QUESTIONS_MAX 64
#define BODY_MAX      (8 * KIB)
#define ANSWER_MAX    (1 * MIB)
#define JSON_DEPTH    4
#define JSON_MEMORY   (64 * KIB)

enum admin_phase { ADMIN_NO_CONFIG = 1, ADMIN_NO_LISTENER = 2, ADMIN_SERVING = 4 };

struct question {
    uint32_t number; /* 0: free */
    enum admin_verb verb;
    struct http_req *req; /* NULL: who asked has left */
    struct wire_model about; /* ADMIN_MODELS: this one alone; cid_len 0: all */
    struct buf rows;         /* what the supervisor has told so far */
};

struct admin {
    unsigned phase;
    uv_loop_t loop;
    uv_poll_t poll;
    uv_timer_t drain;
    const struct conf *conf;
    struct map conf_map;
    struct wire_end control;
    struct wire_inbox inbox;
    struct budget bodies;
    struct http_server *server;
    int listener;
    uint32_t last_number;
    struct question questions[QUESTIONS_MAX];
};

/* ── questions ── */

static struct question *by_number(struct admin *a, uint32_t number)
{
    for (size_t n = 0; n < QUESTIONS_MAX; n++)
        if (a->questions[n].number == number)
            return &a->questions[n];
    return NULL;
}

/* 0 is none. */
static uint32_t next_number(struct admin *a)
{
    a->last_number += a->last_number == UINT32_MAX ? 2 : 1;
    return a->last_number;
}

/* NULL when there are enough; that has been answered. */
static struct question *new_question(struct admin *a, struct http_req *req, enum admin_verb verb)
{
    struct question *q = by_number(a, 0);
    if (q == NULL) {
        http_reply_error(req, ERR_OVERLOADED, NULL, 1);
        return NULL;
    }
    *q = (struct question){.number = next_number(a), .verb = verb, .req = req};
    buf_init(&q->rows, ANSWER_MAX);
    req->user = q;
    return q;
}

static void tell(struct admin *a, enum wire_type type, const void *fixed, struct view tail)
{
    if (wire_send(&a->control, type, fixed, tail, NULL, 0) != OK)
        _exit(1);
}

static void ask(struct admin *a, struct http_req *req, enum admin_verb verb, const struct wire_model *model)
{
    struct question *q = new_question(a, req, verb);
    if (q == NULL)
        return;
    if (model != NULL)
        q->about = *model;
    const struct msg_admin_request r = {.request = q->number, .verb = verb, .model = q->about};
    tell(a, MSG_ADMIN_REQUEST, &r, view_of(NULL, 0));
}

/* {"model":"ID"} */
static err_t read_model(const struct admin *a, struct http_req *req, struct wire_model *ret, struct why *why)
{
    static const struct json_name names[] = {JSON_NAME("model")};
    AUTO(json_done) yyjson_doc *doc = NULL;
    yyjson_val *name = NULL;
    uint8_t *pad = NULL;
    size_t memory = 0, twice = 0;
    req->body.max = req->body.len + JSON_PAD;
    TRY(buf_reserve(&req->body, JSON_PAD, &pad));
    if (json_read(req->body.data, req->body.len, JSON_DEPTH, JSON_MEMORY, &doc, &memory) != OK ||
        json_fields(yyjson_doc_get_root(doc), names, COUNT_OF(names), &name, &twice) != OK)
        return why_set(why, ERR_BAD_JSON, "the body must be an object with one field model");
    if (name == NULL)
        return why_set(why, ERR_FIELD_MISSING, "model: missing");
    if (!yyjson_is_str(name))
        return why_set(why, ERR_FIELD_TYPE, "model: a string");
    return model_resolve(a->conf, json_bytes(name), ret, why);
}

static void ask_about_model(struct admin *a, struct http_req *req, enum admin_verb verb)
{
    struct wire_model model = {0};
    struct why why = {0};
    err_t e = read_model(a, req, &model, &why);
    if (e != OK)
        http_reply_error(req, e, why.text[0] != '\0' ? &why : NULL, 0);
    else
        ask(a, req, verb, &model);
}

static void do_load(struct admin *a, struct http_req *req)
{
    ask_about_model(a, req, ADMIN_LOAD);
}

static void do_unload(struct admin *a, struct http_req *req)
{
    ask_about_model(a, req, ADMIN_UNLOAD);
}

static void on_drain(uv_timer_t *timer)
{
    struct admin *a = timer->data;
    const struct msg_admin_request r = {.request = next_number(a), .verb = ADMIN_DRAIN};
    tell(a, MSG_ADMIN_REQUEST, &r, view_of(NULL, 0));
}

/* The end of the node can be the end of this process at once, so the answer goes first: it is sent when the handler returns. */
static void do_drain(struct admin *a, struct http_req *req)
{
    struct http_answer answer = {.status = 200, .type = "application/json", .text = view_of("{\"ok\":true}\n", 12)};
    http_reply(req, &answer);
    (void)uv_timer_start(&a->drain, on_drain, 0, 0);
}

/* `?model=ID`: names have nothing that would have to be escaped. */
static void do_models(struct admin *a, struct http_req *req)
{
    static const char key[] = "model=";
    const size_t len = sizeof(key) - 1;
    struct wire_model model = {0};
    struct why why = {0};
    err_t e = OK;
    if (req->query.len >= len && memcmp(req->query.data, key, len) == 0)
        e = model_resolve(a->conf, view_of(req->query.data + len, req->query.len - len), &model, &why);
    else if (req->query.len > 0)
        e = why_set(&why, ERR_BAD_REQUEST, "the query may be model=ID");
    if (e != OK)
        http_reply_error(req, e, why.text[0] != '\0' ? &why : NULL, 0);
    else
        ask(a, req, ADMIN_MODELS, &model);
}

static void do_state(struct admin *a, struct http_req *req)
{
    ask(a, req, ADMIN_STATE, NULL);
}

static void do_heartbeat(struct admin *a, struct http_req *req)
{
    ask(a, req, ADMIN_HEARTBEAT, NULL);
}

static void do_csr(struct admin *a, struct http_req *req)
{
    ask(a, req, ADMIN_CSR, NULL);
}

static void do_certificate(struct admin *a, struct http_req *req)
{
    AUTO_BUF struct buf ders = BUF_WITH(CERT_MAX);
    struct why why = {0};
    err_t e = admin_certificate(buf_view(&req->body), &ders, &why);
    if (e != OK) {
        http_reply_error(req, e, why.text[0] != '\0' ? &why : NULL, 0);
        return;
    }
    struct question *q = new_question(a, req, ADMIN_CERTIFICATE);
    if (q == NULL)
        return;
    const struct msg_keeper_ask install = {.request = q->number};
    tell(a, MSG_ADMIN_INSTALL, &install, buf_view(&ders));
}

static void do_metrics(struct admin *a, struct http_req *req)
{
    ask(a, req, ADMIN_METRICS, NULL);
}

static void do_health(struct admin *a UNUSED, struct http_req *req)
{
    struct http_answer answer = {.status = 200, .type = "text/plain", .text = view_of("ok\n", 3)};
    http_reply(req, &answer);
}

static const struct {
    enum http_method method;
    const char *path;
    void (*handle)(struct admin *a, struct http_req *req);
} routes[] = {
    {METHOD_POST, "/models/load", do_load}, {METHOD_POST, "/models/unload", do_unload},
    {METHOD_POST, "/drain", do_drain},      {METHOD_GET, "/models", do_models},
    {METHOD_GET, "/state", do_state},       {METHOD_GET, "/heartbeat", do_heartbeat},
    {METHOD_GET, "/csr", do_csr},           {METHOD_PUT, "/certificate", do_certificate},
    {METHOD_GET, "/healthz", do_health},    {METHOD_GET, "/metrics", do_metrics},
};

/* A browser on this machine would send any web page's request; but it says whose it is. */
static void on_head(void *self UNUSED, struct http_req *req)
{
    struct why why;
    if (http_header(req, "origin").data != NULL)
        http_reply_error(req, why_set(&why, ERR_BAD_REQUEST, "web pages are not served"), &why, 0);
    else
        req->body_max = BODY_MAX;
}

/* Triton's repository control: /v2/repository/models/{name}/load and unload. What stands in the body is for servers that
   have a folder of models. */
static void control(struct admin *a, struct http_req *req, const struct oip_path *p)
{
    uint8_t name[CONF_NAME_MAX + MODEL_PATH_MAX];
    size_t len = 0;
    struct wire_model model = {0};
    struct why why = {0};
    err_t e = req->method == METHOD_POST ? percent_decode(p->name, name, sizeof(name), &len) : ERR_METHOD_NOT_ALLOWED;
    if (e == OK)
        e = model_resolve(a->conf, view_of(name, len), &model, &why);
    if (e != OK)
        http_reply_error(req, e, &why, 0);
    else
        ask(a, req, p->what == OIP_LOAD ? ADMIN_LOAD : ADMIN_UNLOAD, &model);
}

static void on_body(void *self, struct http_req *req)
{
    err_t reason = ERR_NOT_FOUND;
    const struct oip_path p = oip_path_parse(req->path);
    if (p.what == OIP_LOAD || p.what == OIP_UNLOAD) {
        control(self, req, &p);
        return;
    }
    for (size_t n = 0; n < COUNT_OF(routes); n++) {
        if (!view_is(req->path, routes[n].path))
            continue;
        if (req->method == routes[n].method) {
            routes[n].handle(self, req);
            return;
        }
        reason = ERR_METHOD_NOT_ALLOWED;
    }
    http_reply_error(req, reason, NULL, 0);
}

static void on_gone(void *self UNUSED, struct http_req *req)
{
    struct question *q = req->user;
    if (q != NULL)
        q->req = NULL;
}

static const struct http_handler handler = {on_head, on_body, on_gone, NULL, NULL, NULL};

/* ── answers ── */

static err_t on_table(void *self, struct wire_msg *m)
{
    const struct msg_admin_table *t = m->fixed;
    struct question *q = by_number(self, t->request);
    if (q == NULL || t->request == 0)
        return OK;
    return admin_models_put(m->fds[0], t->rows, q->about.cid_len > 0 ? &q->about : NULL, &q->rows);
}

static err_t on_counters(void *self, struct wire_msg *m)
{
    const struct msg_admin_state *s = m->fixed;
    struct question *q = by_number(self, s->request);
    if (q == NULL || s->request == 0)
        return OK;
    TRY(buf_printf(&q->rows, "\"models\":%u,\"model_memory\":%" PRIu64 ",\"model_memory_used\":%" PRIu64 ",", s->models,
                   s->memory_total, s->memory_used));
    return buf_printf(&q->rows,
                      "\"loads\":%" PRIu64 ",\"evictions\":%" PRIu64 ",\"kills\":%" PRIu64 ",\"restarts\":%" PRIu64
                      ",\"uptime_ms\":%" PRIu64,
                      s->loads, s->evictions, s->kills, s->restarts, s->uptime_ms);
}

/* As a relay posts it, but for the address of the contract. */
static err_t on_heartbeat(void *self, struct wire_msg *m)
{
    const struct msg_heartbeat *h = m->fixed;
    struct question *q = by_number(self, h->request);
    char tee_id[HEX_LEN(DIGEST_LEN) + 1];
    if (q == NULL || h->request == 0)
        return OK;
    hex_encode(h->tee_id, DIGEST_LEN, tee_id);
    TRY(buf_printf(&q->rows, "\"teeId\":\"0x%s\",\"timestamp\":\"%" PRIu64 "\",\"signature\":\"", tee_id,
                   h->timestamp));
    TRY(base64_put(&q->rows, view_of(h->signature, sizeof(h->signature))));
    return buf_put_u8(&q->rows, '"');
}

static err_t on_csr(void *self, struct wire_msg *m)
{
    const struct msg_keeper_ask *csr = m->fixed;
    struct question *q = by_number(self, csr->request);
    return q != NULL && csr->request != 0 ? pem_put(&q->rows, "CERTIFICATE REQUEST", m->tail) : OK;
}

static err_t on_metrics(void *self, struct wire_msg *m)
{
    struct admin *a = self;
    const struct msg_admin_metrics *n = m->fixed;
    struct question *q = by_number(a, n->state.request);
    return q == NULL || n->state.request == 0 ? OK : metrics_put(n, a->conf, &q->rows);
}

static const char json[] = "application/json";
static const struct {
    const char *type;
    const char *before;
    const char *after;
} frames[] = {
    [ADMIN_LOAD] = {json, "{\"ok\":true", "}\n"},
    [ADMIN_UNLOAD] = {json, "{\"ok\":true", "}\n"},
    [ADMIN_MODELS] = {json, "{\"models\":[", "]}\n"},
    [ADMIN_STATE] = {json, "{", "}\n"},
    [ADMIN_HEARTBEAT] = {json, "{", "}\n"},
    [ADMIN_CSR] = {"application/x-pem-file", "", ""},
    [ADMIN_CERTIFICATE] = {json, "{\"ok\":true", "}\n"},
    [ADMIN_METRICS] = {METRICS_TYPE, "", ""},
};

static err_t reply_ok(struct question *q)
{
    struct http_answer a = {.status = 200, .type = frames[q->verb].type};
    buf_init(&a.body, ANSWER_MAX + 64);
    err_t e = buf_put_text(&a.body, frames[q->verb].before);
    if (e == OK)
        e = buf_put_view(&a.body, buf_view(&q->rows));
    if (e == OK)
        e = buf_put_text(&a.body, frames[q->verb].after);
    if (e != OK)
        buf_done(&a.body);
    else
        http_reply(TAKE_PTR(q->req), &a);
    return e;
}

static err_t on_answer(void *self, struct wire_msg *m)
{
    const struct msg_admin_answer *a = m->fixed;
    struct question *q = by_number(self, a->request);
    struct why why = {0};
    if (q == NULL || a->request == 0)
        return OK;
    err_t e = err_from_wire(a->result);
    memcpy(why.text, m->tail.data, MIN(m->tail.len, sizeof(why.text) - 1));
    if (q->req != NULL && e == OK)
        e = reply_ok(q);
    if (q->req != NULL)
        http_reply_error(TAKE_PTR(q->req), e, why.text[0] != '\0' ? &why : NULL, 0);
    buf_done(&q->rows);
    *q = (struct question){0};
    return OK;
}

/* ── start and loop ── */

static err_t on_config(void *self, struct wire_msg *m)
{
    struct admin *a = self;
    TRY(conf_map(m->fds[0], &a->conf_map, &a->conf));
    a->bodies.limit = 16 * MIB;
    a->phase = ADMIN_NO_LISTENER;
    return OK;
}

static err_t on_listen(void *self, struct wire_msg *m)
{
    struct admin *a = self;
    a->listener = TAKE_FD(m->fds[0]);
    a->phase = ADMIN_SERVING;
    return OK;
}

static const struct wire_route control_routes[] = {
    {MSG_ADMIN_CONFIG, ADMIN_NO_CONFIG, on_config},     {MSG_ADMIN_LISTEN, ADMIN_NO_LISTENER, on_listen},
    {MSG_ADMIN_TABLE, ADMIN_SERVING, on_table},         {MSG_ADMIN_COUNTERS, ADMIN_SERVING, on_counters},
    {MSG_ADMIN_HEARTBEAT, ADMIN_SERVING, on_heartbeat}, {MSG_ADMIN_CSR, ADMIN_SERVING, on_csr},
    {MSG_ADMIN_ANSWER, ADMIN_SERVING, on_answer},
    {MSG_ADMIN_METRICS, ADMIN_SERVING, on_metrics},
};

static err_t hear(struct admin *a)
{
    for (;;) {
        struct wire_msg m = WIRE_MSG_NONE;
        err_t e = wire_recv(&a->control, &a->inbox, false, &m);
        if (e == ERR_WOULD_BLOCK)
            return OK;
        TRY(e);
        TRY(wire_dispatch(control_routes, COUNT_OF(control_routes), a->phase, a, &m));
    }
}

static void on_control(uv_poll_t *poll, int status, int events UNUSED)
{
    err_t e = status < 0 ? ERR_IO : hear(poll->data);
    if (e != OK)
        _exit(e == ERR_CLOSED ? 0 : 1);
}

static err_t enter_jail(void)
{
    int keep[16];
    struct jail_paths paths = {.empty_dir = ".", .keep_fds = keep};
    struct jail_failure failure = {0};
    paths.n_keep_fds = fd_list(keep, (int)COUNT_OF(keep));
    err_t e = jail_enter(JAIL_ADMIN, &paths, &failure);
    if (e != OK)
        log_event(LOG_JAIL_FAILED, ROLE_ADMIN, JAIL_ADMIN, failure.step, failure.os_error);
    return e;
}

static err_t start(struct admin *a)
{
    const struct msg_empty none = {0};
    a->phase = ADMIN_NO_CONFIG;
    a->control = (struct wire_end){CONTROL_FD, CHAN_ADMIN, SIDE_B};
    TRY(http_setup());
    TRY(wire_inbox_init(&a->inbox, CHAN_ADMIN));
    while (a->phase != ADMIN_SERVING) {
        TRY(wire_wait(&a->control, 5000));
        TRY(hear(a));
    }
    TRY(enter_jail()); /* before the loop: libuv would use io_uring, which no row has */
    if (uv_loop_init(&a->loop) != 0)
        return ERR_INTERNAL;
    TRY(http_server_new(&a->loop, a->conf, &a->bodies, NULL, &handler, a, &a->server));
    TRY(http_server_listen(a->server, &a->listener));
    a->poll.data = a;
    a->drain.data = a;
    if (uv_timer_init(&a->loop, &a->drain) != 0 || uv_poll_init(&a->loop, &a->poll, a->control.fd) != 0 ||
        uv_poll_start(&a->poll, UV_READABLE, on_control) != 0)
        return ERR_INTERNAL;
    return wire_send(&a->control, MSG_ADMIN_READY, &none, view_of(NULL, 0), NULL, 0);
}

int front_admin_main(void)
{
    struct admin *a = mem_alloc(1, sizeof(*a));
    log_setup(LOG_FD, ROLE_ADMIN);
    if (a == NULL || start(a) != OK)
        return 1;
    (void)uv_run(&a->loop, UV_RUN_DEFAULT);
    return 1;
}
