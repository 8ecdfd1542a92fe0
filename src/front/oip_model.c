/* Questions about one model. Metadata, configuration and readiness wait until it is loaded, so that a client which asks
   before it infers finds it ready. */
#include "front/oip.h"
#include "tensor/oip_meta.h"
#include "tensor/print.h"

#include <inttypes.h>

#define STATS_MAX (16 * KIB)

static struct view name_of(const struct call *c)
{
    return view_of(c->as.oip.name, c->as.oip.name_len);
}

static void nothing(struct call *c UNUSED)
{
}

static err_t tell_metadata(struct call *c, const struct model *m)
{
    return oip_metadata_write(&m->signature, name_of(c), &c->answer);
}

static err_t tell_config(struct call *c, const struct model *m)
{
    return oip_config_write(&m->signature, name_of(c), c->app->workers, &c->answer);
}

static err_t put_done(struct buf *out, struct view name, const char *what)
{
    TRY(buf_put_text(out, "{\"name\":"));
    TRY(print_string(out, name));
    return buf_printf(out, ",\"%s\":true}", what);
}

static err_t tell_ready(struct call *c, const struct model *m UNUSED)
{
    return put_done(&c->answer, name_of(c), "ready");
}

static err_t tell_loaded(struct call *c, const struct model *m UNUSED)
{
    return put_done(&c->answer, name_of(c), "load");
}

static err_t begin(struct call *c, struct wire_model *ret_model, struct why *why)
{
    return oip_model(c->app, c->req, c->as.oip.name, &c->as.oip.name_len, ret_model, why);
}

void oip_metadata(struct app *app, struct http_req *req)
{
    static const struct call_form form = {.begin = begin, .drop = nothing, .done = nothing, .tell = tell_metadata};
    call_ask(app, req, &form);
}

void oip_config(struct app *app, struct http_req *req)
{
    static const struct call_form form = {.begin = begin, .drop = nothing, .done = nothing, .tell = tell_config};
    call_ask(app, req, &form);
}

void oip_model_ready(struct app *app, struct http_req *req)
{
    static const struct call_form form = {.begin = begin, .drop = nothing, .done = nothing, .tell = tell_ready};
    call_ask(app, req, &form);
}

/* ── control: what stands in a body is for servers that have a folder of models ── */

void oip_load(struct app *app, struct http_req *req)
{
    static const struct call_form form = {.begin = begin, .drop = nothing, .done = nothing, .tell = tell_loaded};
    if (control_allowed(app, req))
        call_ask(app, req, &form);
}

static err_t unload(struct app *app, struct http_req *req, struct buf *out, struct why *why)
{
    uint8_t name[INFER_MODEL_ID_MAX];
    size_t len = 0;
    struct wire_model model;
    TRY(oip_model(app, req, name, &len, &model, why));
    TRY(models_unload(app, &model));
    return put_done(out, view_of(name, len), "unload");
}

void oip_unload(struct app *app, struct http_req *req)
{
    struct buf out = BUF_WITH(STATS_MAX);
    struct why why = {0};
    if (!control_allowed(app, req))
        return;
    err_t e = unload(app, req, &out, &why);
    oip_reply(req, e, why.text[0] != '\0' ? &why : NULL, &out);
}

/* ── statistics ── */

static err_t put_duration(struct buf *out, const char *name, uint64_t count, uint64_t ns)
{
    return buf_printf(out, "\"%s\":{\"count\":%" PRIu64 ",\"ns\":%" PRIu64 "}", name, count, ns);
}

static err_t put_durations(struct buf *out, const struct model_stats *s)
{
    const struct {
        const char *name;
        uint64_t count;
        uint64_t ns;
    } rows[] = {
        {"success", s->runs, s->queue_ns + s->input_ns + s->infer_ns + s->output_ns},
        {"fail", s->failures, s->failure_ns},
        {"queue", s->runs, s->queue_ns},
        {"compute_input", s->runs, s->input_ns},
        {"compute_infer", s->runs, s->infer_ns},
        {"compute_output", s->runs, s->output_ns},
        {"cache_hit", 0, 0},
        {"cache_miss", 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (i > 0)
            TRY(buf_put_u8(out, ','));
        TRY(put_duration(out, rows[i].name, rows[i].count, rows[i].ns));
    }
    return OK;
}

err_t oip_put_stats(struct buf *out, struct view name, const struct model *m)
{
    const struct model_stats none = {0};
    const struct model_stats *s = m != NULL ? &m->stats : &none;
    TRY(buf_put_text(out, "{\"name\":"));
    TRY(print_string(out, name));
    TRY(buf_printf(out,
                   ",\"version\":\"1\",\"last_inference\":%" PRIu64 ",\"inference_count\":%" PRIu64
                   ",\"execution_count\":%" PRIu64 ",\"inference_stats\":{",
                   s->last_ms, s->runs, s->runs));
    TRY(put_durations(out, s));
    return buf_put_text(out, "},\"batch_stats\":[]}");
}

static err_t tell_stats(struct app *app, struct http_req *req, struct buf *out, struct why *why)
{
    uint8_t name[INFER_MODEL_ID_MAX];
    size_t len = 0;
    struct wire_model model;
    TRY(oip_model(app, req, name, &len, &model, why));
    TRY(buf_put_text(out, "{\"model_stats\":["));
    TRY(oip_put_stats(out, view_of(name, len), models_find(app, &model)));
    return buf_put_text(out, "]}");
}

void oip_stats(struct app *app, struct http_req *req)
{
    struct buf out = BUF_WITH(STATS_MAX);
    struct why why = {0};
    err_t e = tell_stats(app, req, &out, &why);
    oip_reply(req, e, &why, &out);
}
