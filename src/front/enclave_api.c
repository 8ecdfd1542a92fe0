/* What nitriding's public server has, and answers in its words. */
#include "front/app.h"

#include "front/nonce_query.h"

#include <string.h>

#define PLAIN "text/plain; charset=utf-8"

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
    struct http_answer a = {.status = 200, .type = PLAIN, .text = view_of(text, strlen(text))};
    http_reply(req, &a);
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
