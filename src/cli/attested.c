/* Two requests: /enclave/attestation and /.well-known/veronnx. */
#include "cli/attested.h"

#include "base/text.h"
#include "cli/http.h"
#include "cli/node.h"
#include "cli/pem.h"
#include "receipt/bundle.h"

#include <string.h>
#include <sys/random.h>
#include <yyjson.h>

#define ANSWER_MAX (1 * MIB)
#define TIMEOUT_MS 30000

void attested_done(struct attested *a)
{
    buf_done(&a->document);
    buf_done(&a->keyset);
    buf_done(&a->configuration);
    buf_done(&a->policy);
    buf_done(&a->certificate);
}

static err_t get(const char *node, const char *path, bool certificate, struct http_result *ret, struct why *why)
{
    char url[NODE_URL_MAX];
    TRY(node_url(node, path, url, why));
    const struct http_call call = {
        .url = url, .insecure = true, .certificate = certificate, .timeout_ms = TIMEOUT_MS, .max = ANSWER_MAX};
    TRY(http_perform(&call, ret, why));
    return ret->status == 200 ? OK : why_set(why, ERR_CLOSED, "%s: status %ld", url, ret->status);
}

err_t attested_read_document(struct view answer, struct buf *ret_document)
{
    if (answer.len > 0 && answer.data[answer.len - 1] == '\n')
        answer.len--;
    return base64_decode(answer, ret_document);
}

/* As nitriding answers. */
static err_t ask_document(const char *node, struct attested *a, struct why *why)
{
    AUTO(http_result_done) struct http_result r = {0};
    char path[64 + HEX_LEN(ATTESTED_NONCE_LEN)] = "/enclave/attestation?nonce=";
    hex_encode(a->nonce, sizeof(a->nonce), path + strlen(path));
    TRY(get(node, path, true, &r, why));
    if (attested_read_document(buf_view(&r.body), &a->document) != OK)
        return why_set(why, ERR_CLOSED, "/enclave/attestation: the answer is not base64 of a document");
    return buf_put_view(&a->certificate, buf_view(&r.certificate));
}

static err_t take_identity(yyjson_val *root, struct attested *a)
{
    yyjson_val *keyset = yyjson_obj_get(root, "keyset");
    yyjson_val *configuration = yyjson_obj_get(root, "configuration");
    yyjson_val *policy = yyjson_obj_get(root, "policy");
    if (!yyjson_is_str(keyset) || !yyjson_is_str(configuration) || !yyjson_is_str(policy))
        return ERR_MALFORMED;
    TRY(base64_decode(view_of(yyjson_get_str(keyset), yyjson_get_len(keyset)), &a->keyset));
    TRY(buf_put(&a->configuration, yyjson_get_str(configuration), yyjson_get_len(configuration)));
    return buf_put(&a->policy, yyjson_get_str(policy), yyjson_get_len(policy));
}

err_t attested_read_identity(struct view answer, struct attested *ret)
{
    yyjson_doc *doc = yyjson_read((const char *)answer.data, answer.len, 0);
    err_t e = take_identity(yyjson_doc_get_root(doc), ret);
    yyjson_doc_free(doc);
    return e;
}

static err_t ask_identity(const char *node, struct attested *a, struct why *why)
{
    AUTO(http_result_done) struct http_result r = {0};
    TRY(get(node, "/.well-known/veronnx", false, &r, why));
    return attested_read_identity(buf_view(&r.body), a) == OK
               ? OK
               : why_set(why, ERR_CLOSED, "/.well-known/veronnx: not an object with keyset, configuration and policy");
}

err_t attested_ask(const char *url, struct attested *ret, struct why *why)
{
    *ret = (struct attested){.document = BUF_WITH(BUNDLE_DOCUMENT_MAX),
                             .keyset = BUF_WITH(4 * KIB),
                             .configuration = BUF_WITH(BUNDLE_TEXT_MAX),
                             .policy = BUF_WITH(BUNDLE_TEXT_MAX),
                             .certificate = BUF_WITH(BUNDLE_DOCUMENT_MAX)};
    if (getrandom(ret->nonce, sizeof(ret->nonce), 0) != (ssize_t)sizeof(ret->nonce))
        return ERR_INTERNAL;
    TRY(ask_document(url, ret, why));
    return ask_identity(url, ret, why);
}

err_t attested_read_key(struct view answer, struct buf *ret_der)
{
    yyjson_doc *doc = yyjson_read((const char *)answer.data, answer.len, 0);
    yyjson_val *key = yyjson_obj_get(yyjson_doc_get_root(doc), "public_key");
    err_t e =
        yyjson_is_str(key) ? pem_public_key(view_of(yyjson_get_str(key), yyjson_get_len(key)), ret_der) : ERR_MALFORMED;
    yyjson_doc_free(doc);
    return e;
}

err_t attested_signing_key(const char *url, struct buf *ret_der, struct why *why)
{
    AUTO(http_result_done) struct http_result r = {0};
    TRY(get(url, "/signing-key", false, &r, why));
    return attested_read_key(buf_view(&r.body), ret_der) == OK
               ? OK
               : why_set(why, ERR_CLOSED, "/signing-key: not an object with public_key in PEM");
}

static struct veronnx_bytes bytes_of(const struct buf *b)
{
    return (struct veronnx_bytes){b->len > 0 ? (const void *)b->data : "", b->len};
}

struct veronnx_node attested_node(const struct attested *a, struct veronnx_expect *x)
{
    x->document_nonce = (struct veronnx_bytes){a->nonce, sizeof(a->nonce)};
    return (struct veronnx_node){
        .document = bytes_of(&a->document),
        .keyset = bytes_of(&a->keyset),
        .configuration = bytes_of(&a->configuration),
        .policy = bytes_of(&a->policy),
        .certificate = bytes_of(&a->certificate),
    };
}
