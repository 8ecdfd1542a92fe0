/* Heads, statuses, and the methods about the server. */
#include "front/grpc.h"

#include "base/text.h"
#include "front/deflate.h"
#include "front/head.h"
#include <assert.h>
#include <health.pb-c.h>
#include <inference.pb-c.h>

#include <stdio.h>
#include <string.h>

#define SMALL_MEMORY (64 * KIB) /* what a message other than ModelInferRequest may need */
#define SMALL_ANSWER (64 * KIB)
#define LIMIT_MAX_MS 3600000U

/* ── statuses ── */

/* github.com/grpc/grpc/blob/master/doc/statuscodes.md */
static const char *status_of(err_t e)
{
    static const struct {
        int http;
        const char *grpc;
    } statuses[] = {
        {400, "3"},                                        /* INVALID_ARGUMENT */
        {403, "7"},                                        /* PERMISSION_DENIED */
        {404, "5"},                                        /* NOT_FOUND */
        {405, "12"},                                       /* UNIMPLEMENTED */
        {408, "4"},                                        /* DEADLINE_EXCEEDED */
        {413, "8"},                                        /* RESOURCE_EXHAUSTED */
        {414, "8"},  {415, "12"}, {431, "8"}, {503, "14"}, /* UNAVAILABLE */
        {504, "4"},
    };
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].http == err_http(e))
            return statuses[i].grpc;
    return "13"; /* INTERNAL */
}

/* Percent-encoded as far as that is needed and there is room. */
static size_t encode_note(const char *text, char ret[static HTTP_TRAILER_MAX])
{
    size_t n = 0;
    for (; *text != '\0' && n + 4 < HTTP_TRAILER_MAX; text++) {
        if (*text >= ' ' && *text <= '~' && *text != '%')
            ret[n++] = *text;
        else
            n += (size_t)snprintf(ret + n, HTTP_TRAILER_MAX - n, "%%%02X", (unsigned char)*text);
    }
    return n;
}

static struct http_field field_of(const char *name, const char *value)
{
    return (struct http_field){name, view_of(value, strlen(value))};
}

static void refuse(struct http_answer *a, err_t e, const struct why *why, uint32_t retry_s)
{
    const char *text = why != NULL && why->text[0] != '\0' ? why->text : err_text(e);
    a->status = 200;
    a->type = GRPC_TYPE;
    a->retry_s = err_http(e) == 503 ? MAX(retry_s, 1) : 0;
    a->trailers[0] = field_of("grpc-status", status_of(e));
    a->trailers[1] = (struct http_field){"grpc-message", view_of(a->note, encode_note(text, a->note))};
    a->trailers[2] = field_of("veronnx-code", err_name(e));
    a->n_trailers = 3;
    if (e == ERR_MEDIA_TYPE)
        a->fields[a->n_fields++] = field_of("grpc-accept-encoding", "identity,deflate,gzip");
}

static void dress(struct http_answer *a)
{
    a->type = GRPC_TYPE;
    a->trailers[0] = field_of("grpc-status", "0");
    a->n_trailers = 1;
}

void grpc_dress(struct call *c UNUSED, struct http_answer *a, UNUSED char text[static CALL_TEXT_SIZE])
{
    dress(a);
}

/* ── heads ── */

bool grpc_is(const struct http_req *req)
{
    struct view type = http_header(req, "content-type");
    return req->version == 2 && req->method == METHOD_POST && type.len >= strlen(GRPC_TYPE) &&
           view_is(view_of(type.data, strlen(GRPC_TYPE)), GRPC_TYPE);
}

/* Messages in protobuf, which nothing and "+proto" mean. */
static bool is_proto(struct view type)
{
    const struct view rest = view_of(type.data + strlen(GRPC_TYPE), type.len - strlen(GRPC_TYPE));
    return rest.len == 0 || rest.data[0] == ';' || view_is(rest, "+proto");
}

/* Up to 8 digits and a unit. */
static err_t read_timeout(struct view text, uint32_t *ret_ms)
{
    static const struct {
        uint8_t unit;
        uint64_t ns;
    } units[] = {{'H', 3600000000000}, {'M', 60000000000}, {'S', 1000000000}, {'m', 1000000}, {'u', 1000}, {'n', 1}};
    uint64_t n = 0;
    if (text.len < 2 || text.len > 9)
        return ERR_FIELD_VALUE;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return ERR_FIELD_VALUE;
        n = n * 10 + (uint64_t)(text.data[i] - '0');
    }
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (units[i].unit == text.data[text.len - 1]) {
            *ret_ms = (uint32_t)MIN(MAX(n * units[i].ns / 1000000, 1), LIMIT_MAX_MS);
            return OK;
        }
    return ERR_FIELD_VALUE;
}

static err_t read_head(struct http_req *req, struct why *why)
{
    struct view timeout = http_header(req, "grpc-timeout");
    if (!is_proto(http_header(req, "content-type")))
        return why_set(why, ERR_MEDIA_TYPE, "messages must be in protobuf: " GRPC_TYPE);
    if (timeout.data != NULL && read_timeout(timeout, &req->limit_ms) != OK)
        return why_set(why, ERR_FIELD_VALUE, "grpc-timeout: up to eight digits and one of HMSmun");
    if (grpc_route(req->path) == NULL)
        return why_set(why, ERR_METHOD_NOT_ALLOWED, "no such service or method");
    return OK;
}

bool grpc_begin(struct http_req *req)
{
    struct why why = {0};
    req->refuse = refuse;
    err_t e = read_head(req, &why);
    if (e != OK)
        http_reply_error(req, e, &why, 0);
    return e == OK;
}

/* ── messages ── */

static err_t decompress(struct app *app, struct http_req *req, struct view packed, struct body *codec,
                        struct buf *plain)
{
    struct body_frame frame = {.sized = false};
    struct view name = http_header(req, "grpc-encoding");
    if (name.data == NULL || coding_parse(name, &frame.coding) != OK || frame.coding == CODING_NONE)
        return ERR_MEDIA_TYPE;
    TRY(body_begin(codec, plain, app->conf->body_max, &app->transfer, &frame));
    TRY(body_put(codec, plain, packed));
    return body_end(codec);
}

err_t grpc_read(struct app *app, struct http_req *req, struct body *codec, struct buf *plain, struct view *ret,
                struct why *why)
{
    struct view in = buf_view(&req->body);
    bool compressed = false;
    err_t e = grpc_frame_take(&in, &compressed, ret);
    if (e == OK)
        e = view_end(&in);
    if (e != OK)
        return why_set(why, e, "the body is not one message with its prefix");
    if (!compressed)
        return OK;
    e = decompress(app, req, *ret, codec, plain);
    if (e == ERR_MEDIA_TYPE)
        return why_set(why, e, "grpc-encoding: gzip and deflate are known here");
    *ret = buf_view(plain);
    return e;
}

err_t grpc_ask(struct app *app, struct http_req *req, const ProtobufCMessageDescriptor *type, struct grpc_memory *m,
               ProtobufCMessage **ret, struct why *why)
{
    struct body codec = {0};
    struct buf plain = {0};
    struct view message = {0};
    m->left = SMALL_MEMORY;
    err_t e = grpc_read(app, req, &codec, &plain, &message, why);
    if (e == OK)
        e = grpc_unpack(type, message, m, ret);
    body_done(&codec, &plain);
    return e == ERR_MALFORMED && why->text[0] == '\0' ? why_set(why, e, "the message is not a %s", type->short_name)
                                                      : e;
}

void grpc_reply(struct http_req *req, err_t e, const struct why *why, struct buf *framed)
{
    struct http_answer a = {.status = 200};
    if (e != OK) {
        buf_done(framed);
        http_reply_error(req, e, why, 1);
        return;
    }
    a.body = *framed;
    *framed = (struct buf){0};
    dress(&a);
    http_reply(req, &a);
}

static void reply_message(struct http_req *req, const ProtobufCMessage *m)
{
    struct buf out = BUF_WITH(SMALL_ANSWER);
    err_t e = grpc_put_framed(m, &out);
    grpc_reply(req, e, NULL, &out);
}

/* ── compressed answers ── */

/* Names between commas and blanks. */
static bool lists(struct view list, const char *name)
{
    while (list.len > 0) {
        struct view item = view_cut(&list, ',');
        while (item.len > 0 && (item.data[0] == ' ' || item.data[0] == '\t'))
            item = view_of(item.data + 1, item.len - 1);
        head_trim(&item);
        if (view_is(item, name))
            return true;
    }
    return false;
}

enum coding grpc_coding(const struct http_req *req)
{
    enum coding coding = CODING_NONE;
    struct view name = http_header(req, "grpc-encoding");
    if (name.data == NULL || coding_parse(name, &coding) != OK || coding == CODING_NONE)
        return CODING_NONE;
    return lists(http_header(req, "grpc-accept-encoding"), coding_name(coding)) ? coding : CODING_NONE;
}

bool grpc_pack(enum coding coding, struct buf *framed)
{
    static const uint8_t room[GRPC_PREFIX];
    AUTO_BUF struct buf out = BUF_WITH(framed->len);
    if (coding == CODING_NONE || framed->len < DEFLATE_MIN || framed->len > DEFLATE_MAX ||
        buf_put(&out, room, sizeof(room)) != OK ||
        deflate_all(coding, view_of(framed->data + GRPC_PREFIX, framed->len - GRPC_PREFIX), &out) != OK)
        return false;
    grpc_prefix(out.data, out.len - GRPC_PREFIX);
    out.data[0] = 1;
    struct buf plain = *framed;
    *framed = out;
    out = plain;
    return true;
}

/* ── the server ── */

bool grpc_is_ready(const struct app *app)
{
    return !app->draining && !app->preloading;
}

static void server_live(struct app *app UNUSED, struct http_req *req)
{
    Inference__ServerLiveResponse m = INFERENCE__SERVER_LIVE_RESPONSE__INIT;
    m.live = true;
    reply_message(req, &m.base);
}

static void server_ready(struct app *app, struct http_req *req)
{
    Inference__ServerReadyResponse m = INFERENCE__SERVER_READY_RESPONSE__INIT;
    m.ready = grpc_is_ready(app);
    reply_message(req, &m.base);
}

static void server_metadata(struct app *app UNUSED, struct http_req *req)
{
    static const char *const names[] = {"classification",      "parameters",       "statistics",
                                        "model_configuration", "model_repository", "schedule_policy"};
    ProtobufCBinaryData extensions[COUNT_OF(names)];
    Inference__ServerMetadataResponse m = INFERENCE__SERVER_METADATA_RESPONSE__INIT;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        extensions[i] = grpc_literal(names[i]);
    m.name = grpc_literal("veronnx");
    m.version = grpc_literal(VERONNX_VERSION);
    m.n_extensions = COUNT_OF(names);
    m.extensions = extensions;
    reply_message(req, &m.base);
}

err_t grpc_health_service(struct app *app, struct http_req *req, struct why *why)
{
    ProtobufCMessage *asked = NULL;
    struct grpc_memory memory = {0};
    TRY(grpc_ask(app, req, &grpc__health__v1__health_check_request__descriptor, &memory, &asked, why));
    assert(asked != NULL);
    struct view service = grpc_view(((const Grpc__Health__V1__HealthCheckRequest *)asked)->service);
    bool known = service.len == 0 || view_is(service, "inference.GRPCInferenceService");
    grpc_free(&asked, &memory);
    return known ? OK : why_set(why, ERR_NOT_FOUND, "no such service");
}

static void health_check(struct app *app, struct http_req *req)
{
    Grpc__Health__V1__HealthCheckResponse m = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    struct why why = {0};
    err_t e = grpc_health_service(app, req, &why);
    m.status = grpc_is_ready(app) ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                                  : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    if (e == OK)
        reply_message(req, &m.base);
    else
        http_reply_error(req, e, &why, 0);
}

/* ── the table ── */

#define SERVICE "/inference.GRPCInferenceService/"
static const struct route routes[] = {
    {METHOD_POST, SERVICE "ServerLive", server_live, NULL, true, NULL, METRIC_PATH_HEALTH},
    {METHOD_POST, SERVICE "ServerReady", server_ready, NULL, true, NULL, METRIC_PATH_HEALTH},
    {METHOD_POST, SERVICE "ServerMetadata", server_metadata, NULL, true, NULL, METRIC_PATH_GRPC},
    {METHOD_POST, SERVICE "ModelReady", grpc_model_ready, call_gone, true, NULL, METRIC_PATH_GRPC},
    {METHOD_POST, SERVICE "ModelMetadata", grpc_model_metadata, call_gone, true, NULL, METRIC_PATH_GRPC},
    {METHOD_POST, SERVICE "ModelInfer", grpc_model_infer, call_gone, true, NULL, METRIC_PATH_GRPC_INFER},
    {METHOD_POST, SERVICE "ModelStreamInfer", grpc_stream_end, grpc_stream_gone, true, grpc_stream_head,
     METRIC_PATH_GRPC_INFER},
    {METHOD_POST, SERVICE "ModelConfig", grpc_model_config, call_gone, true, NULL, METRIC_PATH_GRPC},
    {METHOD_POST, SERVICE "ModelStatistics", grpc_model_statistics, NULL, true, NULL, METRIC_PATH_GRPC},
    {METHOD_POST, SERVICE "RepositoryIndex", grpc_repository_index, NULL, true, NULL, METRIC_PATH_GRPC},
    {METHOD_POST, SERVICE "RepositoryModelLoad", grpc_model_load, call_gone, true, NULL, METRIC_PATH_GRPC},
    {METHOD_POST, SERVICE "RepositoryModelUnload", grpc_model_unload, NULL, true, NULL, METRIC_PATH_GRPC},
    {METHOD_POST, "/grpc.health.v1.Health/Check", health_check, NULL, true, NULL, METRIC_PATH_HEALTH},
    {METHOD_POST, "/grpc.health.v1.Health/Watch", grpc_watch, grpc_watch_gone, true, grpc_watch_head,
     METRIC_PATH_HEALTH},
};

const struct route *grpc_route(struct view path)
{
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        if (view_is(path, routes[i].path))
            return &routes[i];
    return NULL;
}
