/* The statement's two directions, both in the order of its keys, and the ranges of its fields. */
#include "receipt/statement.h"

#include "base/utf8.h"

#include <string.h>

static const char *const key_names[STATEMENT_KEYS + 1] = {
    [0] = "map",
    [STATEMENT_KEY_VERSION] = "version",
    [STATEMENT_KEY_KIND] = "kind",
    [STATEMENT_KEY_SALT] = "salt",
    [STATEMENT_KEY_IMAGE] = "image digest",
    [STATEMENT_KEY_KEYSET] = "keyset digest",
    [STATEMENT_KEY_NODE] = "node configuration digest",
    [STATEMENT_KEY_POLICY] = "policy digest",
    [STATEMENT_KEY_ASKED_CID] = "asked CID",
    [STATEMENT_KEY_ASKED_PATH] = "asked path",
    [STATEMENT_KEY_FILE_CID] = "file CID",
    [STATEMENT_KEY_MODEL] = "model SHA-256",
    [STATEMENT_KEY_ENGINE] = "engine id",
    [STATEMENT_KEY_EPOCH] = "epoch id",
    [STATEMENT_KEY_JOB] = "job number",
    [STATEMENT_KEY_INPUT] = "input digests",
    [STATEMENT_KEY_OUTPUT] = "output digests",
    [STATEMENT_KEY_NONCE] = "nonce",
    [STATEMENT_KEY_START] = "start",
    [STATEMENT_KEY_END] = "end",
    [STATEMENT_KEY_CLOCK] = "clock source",
};

static bool is_printable(struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7E)
            return false;
    return true;
}

static bool is_between(size_t n, size_t min, size_t max)
{
    return n >= min && n <= max;
}

struct rule {
    enum statement_key key;
    bool good;
};

static enum statement_key first_fault(const struct rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!rules[i].good)
            return rules[i].key;
    return 0;
}

/* The first field up to the epoch that is out of its range, or 0. */
static enum statement_key base_fault(const struct statement *s)
{
    const struct rule rules[] = {
        {STATEMENT_KEY_KIND, s->kind == STATEMENT_NITRO || s->kind == STATEMENT_SIMULATED},
        {STATEMENT_KEY_IMAGE, s->has_image || s->kind == STATEMENT_SIMULATED},
        {STATEMENT_KEY_ASKED_CID, is_between(s->asked_cid.len, STATEMENT_CID_MIN, STATEMENT_CID_MAX)},
        {STATEMENT_KEY_ASKED_PATH, s->asked_path.len <= STATEMENT_PATH_MAX && utf8_valid(s->asked_path)},
        {STATEMENT_KEY_FILE_CID, is_between(s->file_cid.len, STATEMENT_CID_MIN, STATEMENT_CID_MAX)},
        {STATEMENT_KEY_ENGINE, is_between(s->engine.len, 1, STATEMENT_ENGINE_MAX) && is_printable(s->engine)},
    };
    return first_fault(rules, COUNT_OF(rules));
}

/* The same of the fields behind it. */
static enum statement_key job_fault(const struct statement *s)
{
    const struct rule rules[] = {
        {STATEMENT_KEY_NONCE, s->nonce.len == 0 || is_between(s->nonce.len, STATEMENT_NONCE_MIN, STATEMENT_NONCE_MAX)},
        {STATEMENT_KEY_END, s->end_us >= s->start_us},
        {STATEMENT_KEY_CLOCK, s->clock == STATEMENT_CLOCK_SYSTEM || s->clock == STATEMENT_CLOCK_NSM},
    };
    return first_fault(rules, COUNT_OF(rules));
}

static err_t statement_refuse(struct why *why, enum statement_key key)
{
    return why_set(why, ERR_RECEIPT_MALFORMED, "statement: the %s is missing, malformed or out of its range",
                   key_names[key]);
}

/* ── encode ── */

static void put_uint(struct cbor_writer *w, enum statement_key key, uint64_t n)
{
    cbor_put_uint(w, key);
    cbor_put_uint(w, n);
}

static void put_bytes(struct cbor_writer *w, enum statement_key key, const void *bytes, size_t n)
{
    cbor_put_uint(w, key);
    cbor_put_bytes(w, view_of(bytes, n));
}

static void put_text(struct cbor_writer *w, enum statement_key key, struct view text)
{
    cbor_put_uint(w, key);
    cbor_put_text(w, text);
}

static void put_side(struct cbor_writer *w, enum statement_key key, const struct statement_side *side)
{
    cbor_put_uint(w, key);
    cbor_put_array(w, 2);
    cbor_put_bytes(w, view_of(side->descriptors, sizeof(side->descriptors)));
    cbor_put_bytes(w, view_of(side->tensors, sizeof(side->tensors)));
}

err_t statement_base(const struct statement *s, struct statement_base *ret, struct why *why)
{
    enum statement_key fault = base_fault(s);
    if (fault != 0)
        return statement_refuse(why, fault);
    struct cbor_writer w = cbor_writer_on(ret->bytes, sizeof(ret->bytes));
    struct view written = {0};
    if (s->has_image)
        put_bytes(&w, STATEMENT_KEY_IMAGE, s->image, sizeof(s->image));
    put_bytes(&w, STATEMENT_KEY_KEYSET, s->keyset, sizeof(s->keyset));
    put_bytes(&w, STATEMENT_KEY_NODE, s->node, sizeof(s->node));
    put_bytes(&w, STATEMENT_KEY_POLICY, s->policy, sizeof(s->policy));
    put_bytes(&w, STATEMENT_KEY_ASKED_CID, s->asked_cid.data, s->asked_cid.len);
    put_text(&w, STATEMENT_KEY_ASKED_PATH, s->asked_path);
    put_bytes(&w, STATEMENT_KEY_FILE_CID, s->file_cid.data, s->file_cid.len);
    put_bytes(&w, STATEMENT_KEY_MODEL, s->model, sizeof(s->model));
    put_text(&w, STATEMENT_KEY_ENGINE, s->engine);
    put_bytes(&w, STATEMENT_KEY_EPOCH, s->epoch, sizeof(s->epoch));
    TRY(cbor_written(&w, &written));
    ret->kind = s->kind;
    ret->has_image = s->has_image;
    ret->len = written.len;
    return OK;
}

err_t statement_finish(const struct statement_base *base, const struct statement *s,
                       uint8_t ret_bytes[static STATEMENT_MAX], size_t *ret_len, struct why *why)
{
    enum statement_key fault = job_fault(s);
    if (fault != 0)
        return statement_refuse(why, fault);
    struct cbor_writer w = cbor_writer_on(ret_bytes, STATEMENT_MAX);
    bool has_nonce = s->nonce.len > 0;
    unsigned absent = (base->has_image ? 0U : 1U) + (has_nonce ? 0U : 1U);
    cbor_put_map(&w, STATEMENT_KEYS - absent);
    put_uint(&w, STATEMENT_KEY_VERSION, STATEMENT_VERSION);
    put_uint(&w, STATEMENT_KEY_KIND, base->kind);
    put_bytes(&w, STATEMENT_KEY_SALT, s->salt, sizeof(s->salt));
    cbor_put_encoded(&w, view_of(base->bytes, base->len));
    put_uint(&w, STATEMENT_KEY_JOB, s->job);
    put_side(&w, STATEMENT_KEY_INPUT, &s->input);
    put_side(&w, STATEMENT_KEY_OUTPUT, &s->output);
    if (has_nonce)
        put_bytes(&w, STATEMENT_KEY_NONCE, s->nonce.data, s->nonce.len);
    put_uint(&w, STATEMENT_KEY_START, s->start_us);
    put_uint(&w, STATEMENT_KEY_END, s->end_us);
    put_uint(&w, STATEMENT_KEY_CLOCK, s->clock);
    struct view written = {0};
    TRY(cbor_written(&w, &written));
    *ret_len = written.len;
    return OK;
}

err_t statement_encode(const struct statement *s, uint8_t ret_bytes[static STATEMENT_MAX], size_t *ret_len,
                       struct why *why)
{
    struct statement_base base;
    TRY(statement_base(s, &base, why));
    return statement_finish(&base, s, ret_bytes, ret_len, why);
}

/* ── decode ── */

/* Remembers the key that it is at; 0 outside of the pairs. */
struct reading {
    struct cbor_reader in;
    enum statement_key key;
};

static err_t get_key(struct reading *r, enum statement_key key)
{
    uint64_t n = 0;
    r->key = key;
    TRY(cbor_get_uint(&r->in, STATEMENT_KEYS, &n));
    return n == (uint64_t)key ? OK : ERR_MALFORMED;
}

static err_t get_uint(struct reading *r, enum statement_key key, uint64_t max, uint64_t *ret)
{
    TRY(get_key(r, key));
    return cbor_get_uint(&r->in, max, ret);
}

static err_t get_fixed(struct reading *r, enum statement_key key, uint8_t *ret_bytes, size_t n)
{
    TRY(get_key(r, key));
    return cbor_get_fixed(&r->in, ret_bytes, n);
}

static err_t get_bytes(struct reading *r, enum statement_key key, size_t max, struct view *ret_bytes)
{
    TRY(get_key(r, key));
    return cbor_get_bytes(&r->in, max, ret_bytes);
}

static err_t get_text(struct reading *r, enum statement_key key, size_t max, struct view *ret_text)
{
    TRY(get_key(r, key));
    return cbor_get_text(&r->in, max, ret_text);
}

static err_t get_side(struct reading *r, enum statement_key key, struct statement_side *ret)
{
    TRY(get_key(r, key));
    TRY(cbor_enter_array(&r->in, 2));
    TRY(cbor_get_fixed(&r->in, ret->descriptors, sizeof(ret->descriptors)));
    TRY(cbor_get_fixed(&r->in, ret->tensors, sizeof(ret->tensors)));
    return cbor_leave(&r->in);
}

/* Who spoke: version to policy. */
static err_t get_identity(struct reading *r, struct statement *s)
{
    uint64_t version = 0;
    uint64_t kind = 0;
    TRY(get_uint(r, STATEMENT_KEY_VERSION, STATEMENT_VERSION, &version));
    if (version != STATEMENT_VERSION)
        return ERR_MALFORMED;
    TRY(get_uint(r, STATEMENT_KEY_KIND, STATEMENT_SIMULATED, &kind));
    s->kind = (enum statement_kind)kind;
    TRY(get_fixed(r, STATEMENT_KEY_SALT, s->salt, sizeof(s->salt)));
    s->has_image = cbor_at_uint(&r->in, STATEMENT_KEY_IMAGE);
    if (s->has_image)
        TRY(get_fixed(r, STATEMENT_KEY_IMAGE, s->image, sizeof(s->image)));
    TRY(get_fixed(r, STATEMENT_KEY_KEYSET, s->keyset, sizeof(s->keyset)));
    TRY(get_fixed(r, STATEMENT_KEY_NODE, s->node, sizeof(s->node)));
    return get_fixed(r, STATEMENT_KEY_POLICY, s->policy, sizeof(s->policy));
}

/* What ran: the model to the job number. */
static err_t get_model(struct reading *r, struct statement *s)
{
    TRY(get_bytes(r, STATEMENT_KEY_ASKED_CID, STATEMENT_CID_MAX, &s->asked_cid));
    TRY(get_text(r, STATEMENT_KEY_ASKED_PATH, STATEMENT_PATH_MAX, &s->asked_path));
    TRY(get_bytes(r, STATEMENT_KEY_FILE_CID, STATEMENT_CID_MAX, &s->file_cid));
    TRY(get_fixed(r, STATEMENT_KEY_MODEL, s->model, sizeof(s->model)));
    TRY(get_text(r, STATEMENT_KEY_ENGINE, STATEMENT_ENGINE_MAX, &s->engine));
    TRY(get_fixed(r, STATEMENT_KEY_EPOCH, s->epoch, sizeof(s->epoch)));
    return get_uint(r, STATEMENT_KEY_JOB, UINT64_MAX, &s->job);
}

/* On what and when: the digests to the clock. */
static err_t get_run(struct reading *r, struct statement *s)
{
    uint64_t clock = 0;
    TRY(get_side(r, STATEMENT_KEY_INPUT, &s->input));
    TRY(get_side(r, STATEMENT_KEY_OUTPUT, &s->output));
    if (cbor_at_uint(&r->in, STATEMENT_KEY_NONCE)) {
        TRY(get_bytes(r, STATEMENT_KEY_NONCE, STATEMENT_NONCE_MAX, &s->nonce));
        if (s->nonce.len == 0)
            return ERR_MALFORMED;
    }
    TRY(get_uint(r, STATEMENT_KEY_START, UINT64_MAX, &s->start_us));
    TRY(get_uint(r, STATEMENT_KEY_END, UINT64_MAX, &s->end_us));
    TRY(get_uint(r, STATEMENT_KEY_CLOCK, STATEMENT_CLOCK_NSM, &clock));
    s->clock = (enum statement_clock)clock;
    return OK;
}

static err_t get_map(struct reading *r, struct statement *s)
{
    TRY(cbor_enter_map(&r->in, STATEMENT_KEYS));
    TRY(get_identity(r, s));
    TRY(get_model(r, s));
    TRY(get_run(r, s));
    r->key = 0;
    TRY(cbor_leave(&r->in));
    return cbor_end(&r->in);
}

err_t statement_decode(struct view bytes, struct statement *ret, struct why *why)
{
    struct statement s = {0};
    struct reading r = {.in = cbor_reader_on(bytes, CBOR_DETERMINISTIC)};
    if (get_map(&r, &s) != OK)
        return statement_refuse(why, r.key);
    enum statement_key fault = base_fault(&s);
    fault = fault != 0 ? fault : job_fault(&s);
    if (fault != 0)
        return statement_refuse(why, fault);
    *ret = s;
    return OK;
}
