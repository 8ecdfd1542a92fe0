/* GET /openapi.json: what is served, for tools. */
#include "front/route.h"

static const uint8_t document[] = {
#include "front/openapi.inc"
};

void openapi(struct app *app UNUSED, struct http_req *req)
{
    struct http_answer a = {.status = 200, .type = "application/json", .text = view_of(document, sizeof(document))};
    http_reply(req, &a);
}
