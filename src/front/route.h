/* What is served under a path. */
#ifndef VERONNX_FRONT_ROUTE_H
#define VERONNX_FRONT_ROUTE_H

#include "front/app.h"

struct route {
    enum http_method method;
    const char *path;
    void (*handle)(struct app *app, struct http_req *req);
    void (*gone)(struct http_req *req); /* the client left before it was answered; NULL: answered at once */
    bool body;
    void (*head)(struct http_req *req); /* looks at the head before the body comes; may be NULL */
    uint8_t kind;                       /* as what it is counted */
};

/* The client of a call has left. */
void call_gone(struct http_req *req);

/* Whether clients may load and unload models; if not, that has been answered. */
bool control_allowed(const struct app *app, struct http_req *req);

/* GET /openapi.json */
void openapi(struct app *app, struct http_req *req);

/* What the Open Inference Protocol has under this path; NULL: nothing. */
const struct route *oip_route(struct view path);

#endif
