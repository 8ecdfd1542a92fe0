/* What the public listener serves: one table. */
#include "front/grpc.h"

#include <string.h>

static void reply_text(struct http_req *req, int status, const char *text)
{
    struct http_answer a = {.status = status, .type = "text/plain", .text = view_of(text, strlen(text))};
    http_reply(req, &a);
}

static void healthz(struct app *app UNUSED, struct http_req *req)
{
    reply_text(req, 200, "ok\n");
}

static void readyz(struct app *app, struct http_req *req)
{
    if (app->draining)
        http_reply_error(req, ERR_DRAINING, NULL, 0);
    else if (app->preloading)
        http_reply_error(req, ERR_PRELOADING, NULL, 1);
    else
        reply_text(req, 200, "ready\n");
}

void call_gone(struct http_req *req)
{
    if (req->user != NULL)
        call_orphan(req->user);
}

bool control_allowed(const struct app *app, struct http_req *req)
{
    if (app->conf->model_control == 0)
        http_reply_error(req, ERR_ADMIN_ONLY, NULL, 0);
    return app->conf->model_control != 0;
}

static const struct route routes[] = {
    {METHOD_POST, "/infer", infer_api, call_gone, true, NULL, METRIC_PATH_INFER},
    {METHOD_GET, "/healthz", healthz, NULL, false, NULL, METRIC_PATH_HEALTH},
    {METHOD_GET, "/readyz", readyz, NULL, false, NULL, METRIC_PATH_HEALTH},
    {METHOD_GET, "/enclave", enclave_index, NULL, false, NULL, METRIC_PATH_ENCLAVE},
    {METHOD_GET, "/enclave/attestation", enclave_attestation, proofs_gone, false, NULL, METRIC_PATH_ENCLAVE},
    {METHOD_GET, "/enclave/config", enclave_config, NULL, false, NULL, METRIC_PATH_ENCLAVE},
    {METHOD_GET, "/signing-key", enclave_signing_key, NULL, false, NULL, METRIC_PATH_ENCLAVE},
    {METHOD_GET, "/openapi.json", openapi, NULL, false, NULL, METRIC_PATH_OTHER},
    {METHOD_GET, "/.well-known/veronnx", enclave_node, NULL, false, NULL, METRIC_PATH_ENCLAVE},
};

static const struct route *find(const struct http_req *req)
{
    for (size_t n = 0; n < COUNT_OF(routes); n++)
        if (view_is(req->path, routes[n].path))
            return &routes[n];
    return grpc_is(req) ? grpc_route(req->path) : oip_route(req->path);
}

static bool method_fits(const struct route *r, enum http_method m)
{
    return r->method == m || (r->method == METHOD_GET && m == METHOD_HEAD);
}

/* RFC 9110 §15.5.6 */
static void refuse_method(const struct route *r, struct http_req *req)
{
    const char *allowed = r->method == METHOD_GET ? "GET, HEAD" : "POST";
    struct http_answer a = {0};
    http_answer_error(&a, ERR_METHOD_NOT_ALLOWED, NULL, 0);
    a.fields[a.n_fields++] = (struct http_field){"Allow", view_of(allowed, strlen(allowed))};
    http_reply(req, &a);
}

static void on_head(void *self, struct http_req *req)
{
    struct app *app = self;
    const struct route *r = find(req);
    if (r != NULL)
        req->kind = r->kind;
    if (grpc_is(req) && !grpc_begin(req))
        return;
    if (r == NULL)
        http_reply_error(req, ERR_NOT_FOUND, NULL, 0);
    else if (!method_fits(r, req->method))
        refuse_method(r, req);
    else if (app->draining && r->body)
        http_reply_error(req, ERR_DRAINING, NULL, 1);
    else if (!r->body)
        req->body_max = 0;
    else if (r->head != NULL)
        r->head(req);
}

static void on_body(void *self, struct http_req *req)
{
    const struct route *r = find(req);
    if (r != NULL) /* else on_head has refused it */
        r->handle(self, req);
}

static void on_prefix(void *self, struct http_req *req)
{
    oip_prefix(self, req);
}

static void on_gone(void *self UNUSED, struct http_req *req)
{
    const struct route *r = find(req);
    if (r != NULL && r->gone != NULL)
        r->gone(req);
}

static void on_drained(void *self)
{
    const struct msg_empty none = {0};
    app_tell(self, MSG_FRONT_DRAINED, &none);
}

/* Only streams of gRPC have parts. */
static void on_part(void *self, struct http_req *req)
{
    grpc_stream_part(self, req);
}

const struct http_handler app_handler = {on_head, on_body, on_gone, on_drained, on_part, on_prefix};
