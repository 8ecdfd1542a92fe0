/* One table of fields a direction; reader and writer walk it. */
#include "attest/nsm.h"

#include <string.h>

enum field_kind {
    FIELD_NONE,
    FIELD_U16,
    FIELD_BOOL,
    FIELD_BYTES,
    FIELD_OPTIONAL, /* bytes or null */
    FIELD_TEXT,
    FIELD_PCRS,   /* an array of register numbers, kept as a mask */
    FIELD_DIGEST, /* the text "SHA384", kept nowhere */
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t at; /* in the struct */
    size_t min;
    size_t max;
};

#define FIELDS_MAX 8

struct form {
    const char *name;
    struct field fields[FIELDS_MAX]; /* in AWS's order; FIELD_NONE ends them */
};

#define IN_REQUEST(name, kind, member, ...)                                                                            \
    {                                                                                                                  \
        name, kind, offsetof(struct nsm_request, member), __VA_ARGS__                                                  \
    }
#define IN_RESPONSE(name, kind, member, ...)                                                                           \
    {                                                                                                                  \
        name, kind, offsetof(struct nsm_response, member), __VA_ARGS__                                                 \
    }

static const struct form requests[NSM_OPS_] = {
    [NSM_DESCRIBE_NSM] = {"DescribeNSM", {{0}}},
    [NSM_DESCRIBE_PCR] = {"DescribePCR", {IN_REQUEST("index", FIELD_U16, index, 0, 0)}},
    [NSM_EXTEND_PCR] = {"ExtendPCR",
                        {IN_REQUEST("index", FIELD_U16, index, 0, 0),
                         IN_REQUEST("data", FIELD_BYTES, data, 0, NSM_REQUEST_MAX)}},
    [NSM_LOCK_PCR] = {"LockPCR", {IN_REQUEST("index", FIELD_U16, index, 0, 0)}},
    [NSM_LOCK_PCRS] = {"LockPCRs", {IN_REQUEST("range", FIELD_U16, index, 0, 0)}},
    [NSM_ATTESTATION] = {"Attestation",
                         {IN_REQUEST("user_data", FIELD_OPTIONAL, user_data, 0, NSM_USER_DATA_MAX),
                          IN_REQUEST("nonce", FIELD_OPTIONAL, nonce, 0, NSM_NONCE_MAX),
                          IN_REQUEST("public_key", FIELD_OPTIONAL, public_key, 1, NSM_PUBLIC_KEY_MAX)}},
    [NSM_GET_RANDOM] = {"GetRandom", {{0}}},
};

static const struct form responses[NSM_OPS_] = {
    [NSM_DESCRIBE_NSM] = {"DescribeNSM",
                          {IN_RESPONSE("version_major", FIELD_U16, version[0], 0, 0),
                           IN_RESPONSE("version_minor", FIELD_U16, version[1], 0, 0),
                           IN_RESPONSE("version_patch", FIELD_U16, version[2], 0, 0),
                           IN_RESPONSE("module_id", FIELD_TEXT, module_id, 1, NSM_MODULE_ID_MAX),
                           IN_RESPONSE("max_pcrs", FIELD_U16, max_pcrs, 0, 0),
                           IN_RESPONSE("locked_pcrs", FIELD_PCRS, locked_pcrs, 0, 0),
                           {"digest", FIELD_DIGEST, 0, 0, 0}}},
    [NSM_DESCRIBE_PCR] = {"DescribePCR",
                          {IN_RESPONSE("lock", FIELD_BOOL, locked, 0, 0),
                           IN_RESPONSE("data", FIELD_BYTES, bytes, PCR_LEN, PCR_LEN)}},
    [NSM_EXTEND_PCR] = {"ExtendPCR", {IN_RESPONSE("data", FIELD_BYTES, bytes, PCR_LEN, PCR_LEN)}},
    [NSM_LOCK_PCR] = {"LockPCR", {{0}}},
    [NSM_LOCK_PCRS] = {"LockPCRs", {{0}}},
    [NSM_ATTESTATION] = {"Attestation", {IN_RESPONSE("document", FIELD_BYTES, bytes, 1, NSM_DOCUMENT_MAX)}},
    [NSM_GET_RANDOM] = {"GetRandom", {IN_RESPONSE("random", FIELD_BYTES, bytes, 1, NSM_RANDOM_MAX)}},
};

static const char error_key[] = "Error";
static const char digest_name[] = "SHA384";
static const char *const error_names[NSM_ERRORS_] = {
#define NSM_ERROR_NAME(id, name) [NSM_##id] = name,
    NSM_ERROR_TABLE(NSM_ERROR_NAME)
#undef NSM_ERROR_NAME
};

static struct view text_of(const char *text)
{
    return view_of(text, strlen(text));
}

static size_t count_fields(const struct form *form)
{
    size_t n = 0;
    while (n < FIELDS_MAX && form->fields[n].kind != FIELD_NONE)
        n++;
    return n;
}

/* ── writing ── */

static void put_pcrs(struct cbor_writer *w, uint32_t mask)
{
    cbor_put_array(w, (uint64_t)__builtin_popcount(mask));
    for (unsigned i = 0; i < PCR_COUNT; i++)
        if ((mask >> i & 1) != 0)
            cbor_put_uint(w, i);
}

static err_t put_view(struct cbor_writer *w, const struct field *f, const struct view *v)
{
    if (f->kind == FIELD_OPTIONAL && v->data == NULL) {
        cbor_put_null(w);
        return OK;
    }
    if (v->len < f->min || v->len > f->max)
        return ERR_TOO_LARGE;
    if (f->kind == FIELD_TEXT)
        cbor_put_text(w, *v);
    else
        cbor_put_bytes(w, *v);
    return OK;
}

static err_t put_field(struct cbor_writer *w, const struct field *f, const char *base)
{
    const void *at = base + f->at;
    cbor_put_text(w, text_of(f->name));
    switch (f->kind) {
    case FIELD_U16:
        cbor_put_uint(w, *(const uint16_t *)at);
        return OK;
    case FIELD_BOOL:
        cbor_put_bool(w, *(const bool *)at);
        return OK;
    case FIELD_PCRS:
        put_pcrs(w, *(const uint32_t *)at);
        return OK;
    case FIELD_DIGEST:
        cbor_put_text(w, text_of(digest_name));
        return OK;
    case FIELD_BYTES:
    case FIELD_OPTIONAL:
    case FIELD_TEXT:
        return put_view(w, f, at);
    case FIELD_NONE:
        break;
    }
    return ERR_INTERNAL;
}

static err_t put_form(struct cbor_writer *w, const struct form *form, const void *base)
{
    size_t n = count_fields(form);
    if (n == 0) {
        cbor_put_text(w, text_of(form->name));
        return OK;
    }
    cbor_put_map(w, 1);
    cbor_put_text(w, text_of(form->name));
    cbor_put_map(w, n);
    for (size_t i = 0; i < n; i++)
        TRY(put_field(w, &form->fields[i], base));
    return OK;
}

err_t nsm_request_write(const struct nsm_request *q, struct cbor_writer *w)
{
    return put_form(w, &requests[q->op], q);
}

err_t nsm_response_write(const struct nsm_response *p, struct cbor_writer *w)
{
    if (p->error == NSM_SUCCESS)
        return put_form(w, &responses[p->op], p);
    cbor_put_map(w, 1);
    cbor_put_text(w, text_of(error_key));
    cbor_put_text(w, text_of(error_names[p->error]));
    return OK;
}

/* ── reading ── */

static err_t get_u16(struct cbor_reader *r, uint16_t *ret)
{
    uint64_t n = 0;
    TRY(cbor_get_uint(r, UINT16_MAX, &n));
    *ret = (uint16_t)n;
    return OK;
}

static err_t get_pcrs(struct cbor_reader *r, uint32_t *ret_mask)
{
    uint32_t mask = 0;
    TRY(cbor_enter_array(r, PCR_COUNT));
    while (cbor_more(r)) {
        uint64_t n = 0;
        TRY(cbor_get_uint(r, PCR_COUNT - 1, &n));
        if ((mask >> n & 1) != 0)
            return ERR_MALFORMED;
        mask |= UINT32_C(1) << n;
    }
    *ret_mask = mask;
    return cbor_leave(r);
}

static err_t get_view(struct cbor_reader *r, const struct field *f, struct view *ret)
{
    struct view v = {0};
    if (f->kind == FIELD_OPTIONAL && cbor_at(r, CBOR_SIMPLE))
        return cbor_get_null(r);
    TRY(f->kind == FIELD_TEXT ? cbor_get_text(r, f->max, &v) : cbor_get_bytes(r, f->max, &v));
    if (v.len < f->min)
        return ERR_MALFORMED;
    *ret = v;
    return OK;
}

static err_t get_word(struct cbor_reader *r, const char *word)
{
    struct view text = {0};
    TRY(cbor_get_text(r, strlen(word), &text));
    return view_is(text, word) ? OK : ERR_MALFORMED;
}

static err_t get_field(struct cbor_reader *r, const struct field *f, char *base)
{
    void *at = base + f->at;
    switch (f->kind) {
    case FIELD_U16:
        return get_u16(r, at);
    case FIELD_BOOL:
        return cbor_get_bool(r, at);
    case FIELD_PCRS:
        return get_pcrs(r, at);
    case FIELD_DIGEST:
        return get_word(r, digest_name);
    case FIELD_BYTES:
    case FIELD_OPTIONAL:
    case FIELD_TEXT:
        return get_view(r, f, at);
    case FIELD_NONE:
        break;
    }
    return ERR_INTERNAL;
}

/* Every field once, in any order. */
static err_t get_fields(struct cbor_reader *r, const struct form *form, void *base)
{
    size_t n = count_fields(form);
    unsigned seen = 0;
    TRY(cbor_enter_map(r, n));
    while (cbor_more(r)) {
        struct view name = {0};
        size_t i = 0;
        TRY(cbor_get_text(r, SIZE_MAX, &name));
        while (i < n && !view_is(name, form->fields[i].name))
            i++;
        if (i == n || (seen >> i & 1) != 0)
            return ERR_MALFORMED;
        seen |= 1U << i;
        TRY(get_field(r, &form->fields[i], base));
    }
    return seen == (1U << n) - 1 ? cbor_leave(r) : ERR_MALFORMED;
}

/* The form of this name that has fields, or has none. */
static const struct form *find_form(const struct form *forms, struct view name, bool fields)
{
    for (size_t i = 0; i < NSM_OPS_; i++)
        if (view_is(name, forms[i].name) && (count_fields(&forms[i]) > 0) == fields)
            return &forms[i];
    return NULL;
}

static err_t get_error(struct cbor_reader *r, enum nsm_error *ret)
{
    struct view name = {0};
    TRY(cbor_get_text(r, SIZE_MAX, &name));
    for (unsigned i = NSM_SUCCESS + 1; i < NSM_ERRORS_; i++)
        if (view_is(name, error_names[i])) {
            *ret = (enum nsm_error)i;
            return OK;
        }
    return ERR_MALFORMED;
}

/* One message. `ret_error` NULL: it cannot be an error. */
static err_t get_form(struct cbor_reader *r, const struct form *forms, void *base, enum nsm_op *ret_op,
                      enum nsm_error *ret_error)
{
    bool fields = cbor_at(r, CBOR_MAP);
    struct view name = {0};
    if (fields)
        TRY(cbor_enter_map(r, 1));
    TRY(cbor_get_text(r, SIZE_MAX, &name));
    if (fields && ret_error != NULL && view_is(name, error_key)) {
        TRY(get_error(r, ret_error));
        return cbor_leave(r);
    }
    const struct form *form = find_form(forms, name, fields);
    if (form == NULL)
        return ERR_MALFORMED;
    *ret_op = (enum nsm_op)(form - forms);
    if (!fields)
        return OK;
    TRY(get_fields(r, form, base));
    return cbor_leave(r);
}

err_t nsm_request_read(struct view bytes, struct nsm_request *ret)
{
    struct nsm_request q = {0};
    struct cbor_reader r = cbor_reader_on(bytes, CBOR_ALLOW_ANY_KEY_ORDER);
    if (bytes.len > NSM_REQUEST_MAX)
        return ERR_TOO_LARGE;
    TRY(get_form(&r, requests, &q, &q.op, NULL));
    TRY(cbor_end(&r));
    *ret = q;
    return OK;
}

err_t nsm_response_read(struct view bytes, enum nsm_op asked, struct nsm_response *ret)
{
    struct nsm_response p = {.op = asked};
    struct cbor_reader r = cbor_reader_on(bytes, CBOR_ALLOW_ANY_KEY_ORDER | CBOR_ALLOW_INDEFINITE_MAPS);
    if (bytes.len > NSM_RESPONSE_MAX)
        return ERR_TOO_LARGE;
    TRY(get_form(&r, responses, &p, &p.op, &p.error));
    TRY(cbor_end(&r));
    if (p.op != asked)
        return ERR_MALFORMED;
    *ret = p;
    return OK;
}
