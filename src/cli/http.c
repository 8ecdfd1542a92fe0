/* One request, one answer. */
#include "cli/http.h"

#include "cli/pem.h"

#include <curl/curl.h>
#include <string.h>

#define ANSWER_MAX      (2 * GIB - 1) /* printf takes its length as an int */
#define CERTIFICATE_MAX (16 * KIB)
#define FIELDS_MAX      (64 * KIB) /* head and trailer together: libcurl keeps them all */

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct http_result *r = user;
    r->kept = buf_put(&r->body, data, size * count);
    return r->kept == OK ? size * count : 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    static const char name[] = "veronnx-receipt:";
    struct http_result *r = user;
    size_t n = size * count;
    r->fields_len += n;
    if (r->fields_len > FIELDS_MAX)
        return 0;
    if (n > sizeof(name) && strncasecmp(data, name, sizeof(name) - 1) == 0) {
        struct view value = view_of(data + sizeof(name) - 1, n - sizeof(name) + 1);
        while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t'))
            value = view_of(value.data + 1, value.len - 1);
        while (value.len > 0 && (value.data[value.len - 1] == '\r' || value.data[value.len - 1] == '\n'))
            value.len--;
        if (value.len < sizeof(r->receipt)) {
            memcpy(r->receipt, value.data, value.len);
            r->receipt[value.len] = '\0';
        }
    }
    return n;
}

static int on_wait(void *user, curl_off_t down_size, curl_off_t down, curl_off_t up_size, curl_off_t up)
{
    const struct http_call *call = user;
    bool answers = down > 0;
    (void)down_size;
    (void)up_size;
    (void)up;
    if (!answers)
        call->meanwhile(call->user);
    return 0;
}

static void set_options(CURL *curl, const struct http_call *call, struct http_result *r, struct curl_slist *fields)
{
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, r);
    if (call->cacert != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, call->cacert);
    if (call->insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (call->pinned != NULL)
        curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, call->pinned);
    curl_easy_setopt(curl, CURLOPT_CERTINFO, call->certificate ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, call->timeout_ms);
    if (call->meanwhile != NULL) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_wait);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, call);
    }
    if (call->body.data != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.data);
    }
}

/* libcurl gives the certificates as texts, the server's own first. */
static err_t take_certificate(CURL *curl, struct buf *ret)
{
    static const char field[] = "Cert:";
    struct curl_certinfo *info = NULL;
    if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL || info->num_of_certs < 1)
        return ERR_MALFORMED;
    for (const struct curl_slist *l = info->certinfo[0]; l != NULL; l = l->next)
        if (strncmp(l->data, field, strlen(field)) == 0)
            return pem_certificate(view_of(l->data + strlen(field), strlen(l->data) - strlen(field)), ret);
    return ERR_MALFORMED;
}

err_t http_perform(const struct http_call *call, struct http_result *ret, struct why *why)
{
    char sentence[CURL_ERROR_SIZE] = "";
    struct curl_slist *fields = NULL;
    *ret = (struct http_result){0};
    buf_init(&ret->body, call->max > 0 ? call->max : ANSWER_MAX);
    buf_init(&ret->certificate, CERTIFICATE_MAX);
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; call->fields != NULL && call->fields[i] != NULL; i++)
        fields = curl_slist_append(fields, call->fields[i]);
    set_options(curl, call, ret, fields);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, sentence);
    CURLcode rc = curl_easy_perform(curl);
    if (rc == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
    err_t e = rc == CURLE_OK && call->certificate ? take_certificate(curl, &ret->certificate) : OK;
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
    if (e != OK)
        return why_set(why, ERR_CLOSED, "%s: shows no certificate", call->url);
    if (rc == CURLE_OK)
        return OK;
    if (ret->kept == ERR_TOO_LARGE)
        return why_set(why, ERR_TOO_LARGE, "%s: the answer has more than %zu bytes", call->url, ret->body.max);
    if (rc == CURLE_SSL_CACERT_BADFILE)
        return why_set(why, ERR_USAGE, "--cacert: no certificate can be read: %s", call->cacert);
    return why_set(why, ERR_CLOSED, "%s: %s%s", call->url, sentence[0] != '\0' ? sentence : curl_easy_strerror(rc),
                   rc == CURLE_PEER_FAILED_VERIFICATION ? " (--cacert names the node's certificate)" : "");
}

void http_result_done(struct http_result *r)
{
    buf_done(&r->body);
    buf_done(&r->certificate);
}
