/* Watch of the health service: an answer of as many messages as the node changes. */
#include "front/grpc.h"

#include <health.pb-c.h>

#define MESSAGE_MAX 64
#define WATCH_MS    600000U

static struct health_watch *free_place(struct app *app)
{
    for (size_t i = 0; i < WATCHES_MAX; i++)
        if (app->watches[i].req == NULL)
            return &app->watches[i];
    return NULL;
}

static int status_for(const struct app *app, const struct health_watch *w)
{
    if (w->unknown)
        return GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    return grpc_is_ready(app) ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                              : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
}

static void end(struct health_watch *w, err_t e)
{
    struct http_req *req = w->req;
    req->user = NULL;
    *w = (struct health_watch){0};
    http_reply_error(req, e, NULL, 1);
}

/* Unless it knows; what changes while a message is being sent is told behind it. */
static void tell(const struct app *app, struct health_watch *w)
{
    Grpc__Health__V1__HealthCheckResponse m = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    struct http_answer part = {.status = 200, .type = GRPC_TYPE, .body = BUF_WITH(MESSAGE_MAX)};
    int status = status_for(app, w);
    if (w->req->sending || w->told == status)
        return;
    m.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)status;
    err_t e = grpc_put_framed(&m.base, &part.body);
    if (e != OK) {
        end(w, e);
        return;
    }
    w->told = status;
    http_reply_part(w->req, &part);
}

/* A client whose machine is gone says nothing, and would keep its place for ever. */
void grpc_watch_head(struct http_req *req)
{
    req->limit_ms = req->limit_ms > 0 ? MIN(req->limit_ms, WATCH_MS) : WATCH_MS;
}

void grpc_watch(struct app *app, struct http_req *req)
{
    struct health_watch *w = free_place(app);
    struct why why = {0};
    err_t e = w != NULL ? grpc_health_service(app, req, &why) : ERR_OVERLOADED;
    if (e != OK && e != ERR_NOT_FOUND) {
        http_reply_error(req, e, why.text[0] != '\0' ? &why : NULL, 1);
        return;
    }
    http_body_free(req);
    *w = (struct health_watch){.req = req, .unknown = e == ERR_NOT_FOUND, .told = -1};
    req->user = w;
    tell(app, w);
}

void grpc_watch_part(struct app *app, struct http_req *req)
{
    if (req->user != NULL)
        tell(app, req->user);
}

void grpc_watch_gone(struct http_req *req)
{
    struct health_watch *w = TAKE_PTR(req->user);
    if (w != NULL)
        *w = (struct health_watch){0};
}

/* Sending may end the connection and with it other watches: their places are free then. */
void watches_tell(struct app *app)
{
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        struct health_watch *w = &app->watches[i];
        if (w->req != NULL)
            tell(app, w);
        if (w->req != NULL && app->draining)
            end(w, ERR_DRAINING);
    }
}
