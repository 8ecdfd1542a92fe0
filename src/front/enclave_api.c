/* What nitriding's public server has, in its words, and who this node is. */
#include "front/app.h"

#include "front/nonce_query.h"

#include <string.h>

#define PLAIN "text/plain; charset=utf-8"
#define JSON  "application/json"

/* A copy: with another certificate the texts change. */
static void reply(struct http_req *req, const char *type, struct view text)
{
    struct http_answer a = {.status = 200, .type = type, .body = BUF_WITH(text.len)};
    if (buf_put_view(&a.body, text) == OK)
        http_reply(req, &a);
    else
        http_reply_error(req, ERR_NOMEM, NULL, 1);
}

/* As Go's http.Error. */
void enclave_refuse(struct http_req *req, int status, const char *sentence)
{
    struct http_answer a = {.status = status,
                            .type = PLAIN,
                            .body = BUF_WITH(128),
                            .n_fields = 1,
                            .fields = {{"X-Content-Type-Options", view_of("nosniff", 7)}}};
    if (buf_printf(&a.body, "%s\n", sentence) == OK) {
        http_reply(req, &a);
        return;
    }
    buf_done(&a.body);
    http_reply_error(req, ERR_NOMEM, NULL, 1);
}

void enclave_index(struct app *app, struct http_req *req)
{
    static const char real[] = "This host runs inside an AWS Nitro Enclave.\n\n";
    static const char simulated[] = "This host SIMULATES an enclave.\n\n"
                                    "It runs veronnx. What it signs proves nothing about hardware.\n";
    const char *text = app->identity->kind == 2 ? simulated : real;
    reply(req, PLAIN, view_of(text, strlen(text)));
}

void enclave_config(struct app *app, struct http_req *req)
{
    reply(req, PLAIN, buf_view(&app->about.config));
}

void enclave_node(struct app *app, struct http_req *req)
{
    reply(req, JSON, buf_view(&app->about.node));
}

void enclave_signing_key(struct app *app, struct http_req *req)
{
    reply(req, JSON, buf_view(&app->about.signing_key));
}

void enclave_attestation(struct app *app, struct http_req *req)
{
    struct wire_nonce nonce;
    const char *wrong = nonce_query(req->query, &nonce);
    if (wrong != NULL)
        enclave_refuse(req, 400, wrong);
    else
        proofs_ask(app, req, &nonce);
}
