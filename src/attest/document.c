/* The envelope and the map of an attestation document, one table of keys for both directions. */
#include "attest/document.h"

#include <string.h>

#define TAG_SIGN1     18
#define TIMESTAMP_MAX UINT64_C(253402300799999) /* the end of the year 9999 */

static const uint8_t protected_header[] = {0xA1, 0x01, 0x38, 0x22}; /* {1: -35}: alg ES384 */
static const char digest_name[] = "SHA384";

static struct view text_of(const char *text)
{
    return view_of(text, strlen(text));
}

/* ── values of the map ── */

static err_t get_module_id(struct cbor_reader *r, struct document *d)
{
    TRY(cbor_get_text(r, DOCUMENT_FIELD_MAX, &d->module_id));
    return d->module_id.len > 0 ? OK : ERR_MALFORMED;
}

static void put_module_id(struct cbor_writer *w, const struct document *d)
{
    cbor_put_text(w, d->module_id);
}

static err_t get_digest(struct cbor_reader *r, UNUSED struct document *d)
{
    struct view name = {0};
    TRY(cbor_get_text(r, DOCUMENT_FIELD_MAX, &name));
    return view_is(name, digest_name) ? OK : ERR_MALFORMED;
}

static void put_digest(struct cbor_writer *w, UNUSED const struct document *d)
{
    cbor_put_text(w, text_of(digest_name));
}

static err_t get_timestamp(struct cbor_reader *r, struct document *d)
{
    TRY(cbor_get_uint(r, TIMESTAMP_MAX, &d->timestamp_ms));
    return d->timestamp_ms > 0 ? OK : ERR_MALFORMED;
}

static void put_timestamp(struct cbor_writer *w, const struct document *d)
{
    cbor_put_uint(w, d->timestamp_ms);
}

/* The digest is SHA-384, so a register of 32 or 64 bytes, which AWS's text mentions, cannot be. */
static err_t get_pcrs(struct cbor_reader *r, struct document *d)
{
    TRY(cbor_enter_map(r, PCR_COUNT));
    if (!cbor_more(r))
        return ERR_MALFORMED;
    while (cbor_more(r)) {
        uint64_t index = 0;
        struct view value = {0};
        TRY(cbor_get_uint(r, PCR_COUNT - 1, &index));
        TRY(cbor_get_bytes(r, PCR_LEN, &value));
        if (value.len != PCR_LEN || d->pcr[index].data != NULL)
            return ERR_MALFORMED;
        d->pcr[index] = value;
    }
    return cbor_leave(r);
}

static void put_pcrs(struct cbor_writer *w, const struct document *d)
{
    uint64_t n = 0;
    for (size_t i = 0; i < PCR_COUNT; i++)
        n += d->pcr[i].data != NULL;
    cbor_put_map(w, n);
    for (size_t i = 0; i < PCR_COUNT; i++) {
        if (d->pcr[i].data == NULL)
            continue;
        cbor_put_uint(w, i);
        cbor_put_bytes(w, d->pcr[i]);
    }
}

static err_t get_cert(struct cbor_reader *r, struct view *ret)
{
    TRY(cbor_get_bytes(r, ATTEST_CERT_MAX, ret));
    return ret->len > 0 ? OK : ERR_MALFORMED;
}

/* The last place of `certs` is the leaf's, until all have been read. */
static err_t get_certificate(struct cbor_reader *r, struct document *d)
{
    return get_cert(r, &d->certs[CHAIN_MAX - 1]);
}

static void put_certificate(struct cbor_writer *w, const struct document *d)
{
    cbor_put_bytes(w, d->certs[d->n_certs - 1]);
}

static err_t get_cabundle(struct cbor_reader *r, struct document *d)
{
    TRY(cbor_enter_array(r, CHAIN_MAX - 1));
    for (; cbor_more(r); d->n_certs++)
        TRY(get_cert(r, &d->certs[d->n_certs]));
    return d->n_certs > 0 ? cbor_leave(r) : ERR_MALFORMED;
}

static void put_cabundle(struct cbor_writer *w, const struct document *d)
{
    cbor_put_array(w, d->n_certs - 1);
    for (size_t i = 0; i + 1 < d->n_certs; i++)
        cbor_put_bytes(w, d->certs[i]);
}

static err_t get_optional(struct cbor_reader *r, struct view *ret)
{
    if (cbor_at(r, CBOR_SIMPLE))
        return cbor_get_null(r);
    return cbor_get_bytes(r, DOCUMENT_FIELD_MAX, ret);
}

static void put_optional(struct cbor_writer *w, struct view field)
{
    if (field.data == NULL)
        cbor_put_null(w);
    else
        cbor_put_bytes(w, field);
}

static err_t get_public_key(struct cbor_reader *r, struct document *d)
{
    TRY(get_optional(r, &d->public_key));
    return d->public_key.data == NULL || d->public_key.len > 0 ? OK : ERR_MALFORMED;
}

static void put_public_key(struct cbor_writer *w, const struct document *d)
{
    put_optional(w, d->public_key);
}

static err_t get_user_data(struct cbor_reader *r, struct document *d)
{
    return get_optional(r, &d->user_data);
}

static void put_user_data(struct cbor_writer *w, const struct document *d)
{
    put_optional(w, d->user_data);
}

static err_t get_nonce(struct cbor_reader *r, struct document *d)
{
    return get_optional(r, &d->nonce);
}

static void put_nonce(struct cbor_writer *w, const struct document *d)
{
    put_optional(w, d->nonce);
}

/* In the order in which AWS writes them. */
static const struct {
    const char *name;
    bool optional;
    err_t (*get)(struct cbor_reader *r, struct document *d);
    void (*put)(struct cbor_writer *w, const struct document *d);
} keys[] = {
    {"module_id", false, get_module_id, put_module_id},
    {"digest", false, get_digest, put_digest},
    {"timestamp", false, get_timestamp, put_timestamp},
    {"pcrs", false, get_pcrs, put_pcrs},
    {"certificate", false, get_certificate, put_certificate},
    {"cabundle", false, get_cabundle, put_cabundle},
    {"public_key", true, get_public_key, put_public_key},
    {"user_data", true, get_user_data, put_user_data},
    {"nonce", true, get_nonce, put_nonce},
};

/* ── reading ── */

static size_t find_key(struct view name)
{
    size_t i = 0;
    while (i < COUNT_OF(keys) && !view_is(name, keys[i].name))
        i++;
    return i;
}

static err_t check_missing(unsigned seen, struct why *why)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (!keys[i].optional && (seen >> i & 1) == 0)
            return why_set(why, ERR_DOC_FIELD, "%s: missing", keys[i].name);
    return OK;
}

static err_t get_pairs(struct cbor_reader *r, struct document *d, struct why *why)
{
    unsigned seen = 0;
    while (cbor_more(r)) {
        struct view name = {0};
        if (cbor_get_text(r, SIZE_MAX, &name) != OK)
            return why_set(why, ERR_DOC_MALFORMED, "payload: a key is not a text");
        size_t i = find_key(name);
        if (i == COUNT_OF(keys))
            return why_set(why, ERR_DOC_FIELD, "an unknown key");
        if ((seen >> i & 1) != 0)
            return why_set(why, ERR_DOC_FIELD, "%s: stands twice", keys[i].name);
        seen |= 1U << i;
        if (keys[i].get(r, d) != OK)
            return why_set(why, ERR_DOC_FIELD, "%s: wrong type or outside its limits", keys[i].name);
    }
    return check_missing(seen, why);
}

/* Only the outer map may be open. */
static err_t get_payload(struct view payload, struct document *d, struct why *why)
{
    struct cbor_reader r = cbor_reader_on(payload, CBOR_ALLOW_INDEFINITE_MAPS | CBOR_ALLOW_ANY_KEY_ORDER);
    if (cbor_enter_map(&r, COUNT_OF(keys)) != OK)
        return why_set(why, ERR_DOC_MALFORMED, "payload: not a map of at most %zu pairs", COUNT_OF(keys));
    r.allow = CBOR_ALLOW_ANY_KEY_ORDER;
    TRY(get_pairs(&r, d, why));
    if (cbor_leave(&r) != OK || cbor_end(&r) != OK)
        return why_set(why, ERR_DOC_MALFORMED, "payload: something follows its map");
    d->certs[d->n_certs++] = d->certs[CHAIN_MAX - 1];
    return OK;
}

static err_t get_sign1(struct cbor_reader *r, struct view *ret_protected, struct document *d)
{
    if (cbor_at(r, CBOR_TAG))
        TRY(cbor_get_tag(r, TAG_SIGN1));
    TRY(cbor_enter_array(r, 4));
    TRY(cbor_get_bytes(r, DOCUMENT_MAX, ret_protected));
    TRY(cbor_enter_map(r, 0));
    TRY(cbor_leave(r));
    TRY(cbor_get_bytes(r, DOCUMENT_MAX, &d->payload));
    TRY(cbor_get_bytes(r, DOCUMENT_MAX, &d->signature));
    TRY(cbor_leave(r));
    return cbor_end(r);
}

err_t document_read(struct view bytes, struct document *ret, struct why *why)
{
    struct document d = {0};
    struct view header = {0};
    struct cbor_reader r = cbor_reader_on(bytes, CBOR_DETERMINISTIC);
    if (bytes.len > DOCUMENT_MAX)
        return why_set(why, ERR_DOC_MALFORMED, "longer than %zu bytes", DOCUMENT_MAX);
    if (get_sign1(&r, &header, &d) != OK)
        return why_set(why, ERR_DOC_MALFORMED, "not a COSE_Sign1 with an empty unprotected header");
    if (!view_equal(header, view_of(protected_header, sizeof(protected_header))))
        return why_set(why, ERR_DOC_ALGORITHM, "protected header: not {1: -35}");
    if (d.signature.len != ES384_SIGNATURE_LEN)
        return why_set(why, ERR_DOC_ALGORITHM, "signature: %zu bytes, wanted %d", d.signature.len, ES384_SIGNATURE_LEN);
    TRY(get_payload(d.payload, &d, why));
    *ret = d;
    return OK;
}

/* ── what is signed, and writing ── */

static void put_protected(struct cbor_writer *w)
{
    cbor_put_bytes(w, view_of(protected_header, sizeof(protected_header)));
}

err_t document_digest(struct view payload, uint8_t ret_digest[static SHA384_LEN])
{
    uint8_t text[DOCUMENT_MAX + 32];
    struct cbor_writer w = cbor_writer_on(text, sizeof(text));
    struct view written = {0};
    cbor_put_array(&w, 4);
    cbor_put_text(&w, text_of("Signature1"));
    put_protected(&w);
    cbor_put_bytes(&w, view_of("", 0)); /* no external data */
    cbor_put_bytes(&w, payload);
    TRY(cbor_written(&w, &written));
    return sha384_of(&written, 1, ret_digest);
}

void document_put_payload(const struct document *d, enum document_map map, struct cbor_writer *w)
{
    if (map == DOCUMENT_MAP_OPEN)
        cbor_put_map_open(w);
    else
        cbor_put_map(w, COUNT_OF(keys));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        cbor_put_text(w, text_of(keys[i].name));
        keys[i].put(w, d);
    }
    if (map == DOCUMENT_MAP_OPEN)
        cbor_put_break(w);
}

err_t document_put_signed(struct view payload, EVP_PKEY *key, struct cbor_writer *w)
{
    uint8_t digest[SHA384_LEN];
    uint8_t signature[ES384_SIGNATURE_LEN];
    TRY(document_digest(payload, digest));
    TRY(es384_sign(key, digest, signature));
    cbor_put_array(w, 4);
    put_protected(w);
    cbor_put_map(w, 0);
    cbor_put_bytes(w, payload);
    cbor_put_bytes(w, view_of(signature, sizeof(signature)));
    return OK;
}
