/* The map of the keyset, both ways. */
#include "receipt/keyset.h"

enum keyset_key {
    KEYSET_KEY_VERSION = 1,
    KEYSET_KEY_TLS = 2,
    KEYSET_KEY_RECEIPT = 3,
    KEYSET_KEY_RSA = 4, /* may be absent */
    KEYSET_KEY_NOT_AFTER = 5,
};
#define KEYSET_KEYS        5
#define POINT_UNCOMPRESSED 0x04

static void put_bytes(struct cbor_writer *w, enum keyset_key key, const uint8_t *bytes, size_t n)
{
    cbor_put_uint(w, key);
    cbor_put_bytes(w, view_of(bytes, n));
}

static void put_uint(struct cbor_writer *w, enum keyset_key key, uint64_t n)
{
    cbor_put_uint(w, key);
    cbor_put_uint(w, n);
}

err_t keyset_encode(const struct keyset *k, uint8_t ret_bytes[static KEYSET_MAX], size_t *ret_len)
{
    struct cbor_writer w = cbor_writer_on(ret_bytes, KEYSET_MAX);
    struct view written = {0};
    if (k->receipt_point[0] != POINT_UNCOMPRESSED)
        return ERR_MALFORMED;
    cbor_put_map(&w, k->has_rsa ? KEYSET_KEYS : KEYSET_KEYS - 1);
    put_uint(&w, KEYSET_KEY_VERSION, KEYSET_VERSION);
    put_bytes(&w, KEYSET_KEY_TLS, k->tls_spki, sizeof(k->tls_spki));
    put_bytes(&w, KEYSET_KEY_RECEIPT, k->receipt_point, sizeof(k->receipt_point));
    if (k->has_rsa)
        put_bytes(&w, KEYSET_KEY_RSA, k->rsa_spki, sizeof(k->rsa_spki));
    put_uint(&w, KEYSET_KEY_NOT_AFTER, k->not_after);
    TRY(cbor_written(&w, &written));
    *ret_len = written.len;
    return OK;
}

static err_t get_key(struct cbor_reader *r, enum keyset_key key)
{
    uint64_t n = 0;
    TRY(cbor_get_uint(r, KEYSET_KEYS, &n));
    return n == (uint64_t)key ? OK : ERR_MALFORMED;
}

static err_t get_bytes(struct cbor_reader *r, enum keyset_key key, uint8_t *ret_bytes, size_t n)
{
    TRY(get_key(r, key));
    return cbor_get_fixed(r, ret_bytes, n);
}

static err_t get_uint(struct cbor_reader *r, enum keyset_key key, uint64_t max, uint64_t *ret)
{
    TRY(get_key(r, key));
    return cbor_get_uint(r, max, ret);
}

static err_t get_map(struct cbor_reader *r, struct keyset *k)
{
    uint64_t version = 0;
    TRY(cbor_enter_map(r, KEYSET_KEYS));
    TRY(get_uint(r, KEYSET_KEY_VERSION, KEYSET_VERSION, &version));
    TRY(get_bytes(r, KEYSET_KEY_TLS, k->tls_spki, sizeof(k->tls_spki)));
    TRY(get_bytes(r, KEYSET_KEY_RECEIPT, k->receipt_point, sizeof(k->receipt_point)));
    k->has_rsa = cbor_at_uint(r, KEYSET_KEY_RSA);
    if (k->has_rsa)
        TRY(get_bytes(r, KEYSET_KEY_RSA, k->rsa_spki, sizeof(k->rsa_spki)));
    TRY(get_uint(r, KEYSET_KEY_NOT_AFTER, UINT64_MAX, &k->not_after));
    TRY(cbor_leave(r));
    TRY(cbor_end(r));
    return version == KEYSET_VERSION && k->receipt_point[0] == POINT_UNCOMPRESSED ? OK : ERR_MALFORMED;
}

err_t keyset_decode(struct view bytes, struct keyset *ret)
{
    struct keyset k = {0};
    struct cbor_reader r = cbor_reader_on(bytes, CBOR_DETERMINISTIC);
    if (get_map(&r, &k) != OK)
        return ERR_MALFORMED;
    *ret = k;
    return OK;
}
