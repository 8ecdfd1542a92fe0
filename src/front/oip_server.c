/* What the Open Inference Protocol asks about the whole server, and which function answers which path. */
#include "front/oip.h"
#include "tensor/json.h"
#include "tensor/print.h"
#include "wire/model.h"

#include <string.h>

#define LIST_MAX    (1 * MIB)
#define INDEX_DEPTH 8
#define INDEX_JSON  (64 * KIB)

void oip_reply(struct http_req *req, err_t e, const struct why *why, struct buf *body)
{
    struct http_answer a = {.status = 200, .type = "application/json", .body = *body};
    if (e == OK) {
        http_reply(req, &a);
    } else {
        buf_done(&a.body);
        http_reply_error(req, e, why, 1);
    }
    *body = (struct buf){0};
}

static void reply_text(struct http_req *req, const char *text)
{
    struct http_answer a = {.status = 200, .type = "application/json", .text = view_of(text, strlen(text))};
    http_reply(req, &a);
}

static void server(struct app *app UNUSED, struct http_req *req)
{
    reply_text(req, "{\"name\":\"veronnx\",\"version\":\"" VERONNX_VERSION
                    "\",\"extensions\":[\"classification\",\"binary_tensor_data\",\"parameters\",\"statistics\","
                    "\"model_configuration\",\"model_repository\",\"schedule_policy\"]}");
}

static void live(struct app *app UNUSED, struct http_req *req)
{
    reply_text(req, "{\"live\":true}");
}

static void ready(struct app *app, struct http_req *req)
{
    if (app->draining)
        http_reply_error(req, ERR_DRAINING, NULL, 0);
    else if (app->preloading)
        http_reply_error(req, ERR_PRELOADING, NULL, 1);
    else
        reply_text(req, "{\"ready\":true}");
}

/* ── lists ── */

/* The models that the policy names. Others are nobody's business but of those who know their CIDs. */
static err_t each_named(struct app *app, struct buf *out, bool only_ready,
                        err_t (*put)(struct buf *out, struct view name, const struct model *m))
{
    bool first = true;
    for (uint32_t i = 0; i < app->conf->n_aliases; i++) {
        const struct conf_alias *alias = &app->conf->aliases[i];
        const struct model *m = models_find(app, &alias->model);
        if (only_ready && (m == NULL || m->state != MODEL_READY))
            continue;
        if (!first)
            TRY(buf_put_u8(out, ','));
        TRY(put(out, view_of(alias->name, strlen(alias->name)), m));
        first = false;
    }
    return OK;
}

static err_t put_list(struct app *app, struct buf *out, const char *before, const char *after, bool only_ready,
                      err_t (*put)(struct buf *out, struct view name, const struct model *m))
{
    TRY(buf_put_text(out, before));
    TRY(each_named(app, out, only_ready, put));
    return buf_put_text(out, after);
}

static err_t put_name(struct buf *out, struct view name, const struct model *m UNUSED)
{
    return print_string(out, name);
}

static err_t put_state(struct buf *out, struct view name, const struct model *m)
{
    const char *state = m == NULL ? "UNAVAILABLE" : m->state == MODEL_READY ? "READY" : "LOADING";
    const char *reason = m == NULL ? "not loaded; it will be when it is asked for" : "";
    TRY(buf_put_text(out, "{\"name\":"));
    TRY(print_string(out, name));
    return buf_printf(out, ",\"version\":\"1\",\"state\":\"%s\",\"reason\":\"%s\"}", state, reason);
}

static void models(struct app *app, struct http_req *req)
{
    struct buf out = BUF_WITH(LIST_MAX);
    err_t e = put_list(app, &out, "{\"models\":[", "]}", false, put_name);
    oip_reply(req, e, NULL, &out);
}

static void all_stats(struct app *app, struct http_req *req)
{
    struct buf out = BUF_WITH(LIST_MAX);
    err_t e = put_list(app, &out, "{\"model_stats\":[", "]}", true, oip_put_stats);
    oip_reply(req, e, NULL, &out);
}

/* {"ready": bool}, or nothing. */
static err_t read_index(struct http_req *req, bool *ret_ready, struct why *why)
{
    static const struct json_name names[] = {JSON_NAME("ready")};
    AUTO(json_done) yyjson_doc *doc = NULL;
    yyjson_val *value = NULL;
    uint8_t *pad = NULL;
    size_t memory = 0, twice = 0;
    *ret_ready = false;
    if (req->body.len == 0)
        return OK;
    req->body.max = req->body.len + JSON_PAD;
    TRY(buf_reserve(&req->body, JSON_PAD, &pad));
    TRY(json_read(req->body.data, req->body.len, INDEX_DEPTH, INDEX_JSON, &doc, &memory));
    err_t e = json_fields(yyjson_doc_get_root(doc), names, COUNT_OF(names), &value, &twice);
    if (e != OK)
        return why_set(why, e, "the body may be an object with one field ready");
    if (value != NULL && !yyjson_is_bool(value))
        return why_set(why, ERR_FIELD_TYPE, "ready: a boolean");
    *ret_ready = value != NULL && unsafe_yyjson_get_bool(value);
    return OK;
}

static void list_index(struct app *app, struct http_req *req)
{
    struct buf out = BUF_WITH(LIST_MAX);
    struct why why = {0};
    bool only_ready = false;
    err_t e = read_index(req, &only_ready, &why);
    if (e == OK)
        e = put_list(app, &out, "[", "]", only_ready, put_state);
    oip_reply(req, e, &why, &out);
}

/* ── the table ── */

static const struct route routes[OIP_WHAT_COUNT_] = {
    [OIP_SERVER] = {METHOD_GET, "", server, NULL, false, NULL, METRIC_PATH_OIP},
    [OIP_LIVE] = {METHOD_GET, "", live, NULL, false, NULL, METRIC_PATH_HEALTH},
    [OIP_READY] = {METHOD_GET, "", ready, NULL, false, NULL, METRIC_PATH_HEALTH},
    [OIP_MODELS] = {METHOD_GET, "", models, NULL, false, NULL, METRIC_PATH_OIP},
    [OIP_ALL_STATS] = {METHOD_GET, "", all_stats, NULL, false, NULL, METRIC_PATH_OIP},
    [OIP_INDEX] = {METHOD_POST, "", list_index, NULL, true, NULL, METRIC_PATH_OIP},
    [OIP_MODEL] = {METHOD_GET, "", oip_metadata, call_gone, false, NULL, METRIC_PATH_OIP},
    [OIP_MODEL_READY] = {METHOD_GET, "", oip_model_ready, call_gone, false, NULL, METRIC_PATH_OIP},
    [OIP_INFER] = {METHOD_POST, "", oip_infer, call_gone, true, oip_infer_head, METRIC_PATH_OIP_INFER},
    [OIP_CONFIG] = {METHOD_GET, "", oip_config, call_gone, false, NULL, METRIC_PATH_OIP},
    [OIP_STATS] = {METHOD_GET, "", oip_stats, NULL, false, NULL, METRIC_PATH_OIP},
    [OIP_LOAD] = {METHOD_POST, "", oip_load, call_gone, true, NULL, METRIC_PATH_OIP},
    [OIP_UNLOAD] = {METHOD_POST, "", oip_unload, NULL, true, NULL, METRIC_PATH_OIP},
};

const struct route *oip_route(struct view path)
{
    enum oip_what what = oip_path_parse(path).what;
    return what != OIP_NOTHING ? &routes[what] : NULL;
}
