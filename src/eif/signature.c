/* CBOR and COSE here; the certificate, which may be anybody's, is OpenSSL's to read. */
#include "eif/signature.h"

#include "receipt/cbor.h"
#include "receipt/ecdsa.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#define ENTRIES       1
#define KEY_MAX       32
#define CURVE_MAX     32
#define PROTECTED_MAX 4
#define SIGNATURE_MAX (2 * ECDSA_PART_MAX)
#define CERT_DER_MAX  (EIF_SIGNATURE_MAX / 2) /* every character of PEM is two bytes of the section */
#define PAYLOAD_MAX   256
#define SIGNED_MAX    512

static const struct algorithm {
    const char *name;
    uint8_t header[PROTECTED_MAX]; /* the protected header, {1: algorithm} */
    size_t header_len;
    const char *digest;
    const char *curve;
    size_t half; /* of a signature */
} algorithms[] = {
    {"ES256", {0xA1, 0x01, 0x26}, 3, "SHA256", "prime256v1", 32},
    {"ES384", {0xA1, 0x01, 0x38, 0x22}, 4, "SHA384", "secp384r1", 48},
    {"ES512", {0xA1, 0x01, 0x38, 0x23}, 4, "SHA512", "secp521r1", 66},
};

static void x509_free_at(X509 **cert)
{
    X509_free(*cert);
}

static void bio_free_at(BIO **bio)
{
    BIO_free(*bio);
}

static void md_ctx_free_at(EVP_MD_CTX **ctx)
{
    EVP_MD_CTX_free(*ctx);
}

static err_t bad(struct why *why, const char *what)
{
    return why_set(why, ERR_EIF_SIGNATURE, "signature: %s", what);
}

/* ── the section ── */

static err_t get_key(struct cbor_reader *r, const char *name)
{
    struct view key = {0};
    TRY(cbor_get_text(r, KEY_MAX, &key));
    return view_is(key, name) ? OK : ERR_MALFORMED;
}

/* An array of integers, one a byte. */
static err_t get_octets(struct cbor_reader *r, struct buf *out)
{
    TRY(cbor_enter_array(r, out->max));
    while (cbor_more(r)) {
        uint64_t octet = 0;
        TRY(cbor_get_uint(r, UINT8_MAX, &octet));
        TRY(buf_put_u8(out, (uint8_t)octet));
    }
    return cbor_leave(r);
}

/* The two keys come as AWS's structure has them, which is not CBOR's order. */
static err_t read_section(struct view section, struct buf *pem, struct buf *cose)
{
    struct cbor_reader r = cbor_reader_on(section, CBOR_ALLOW_ANY_KEY_ORDER);
    TRY(cbor_enter_array(&r, ENTRIES));
    TRY(cbor_enter_map(&r, 2));
    TRY(get_key(&r, "signing_certificate"));
    TRY(get_octets(&r, pem));
    TRY(get_key(&r, "signature"));
    TRY(get_octets(&r, cose));
    TRY(cbor_leave(&r));
    TRY(cbor_leave(&r));
    return cbor_end(&r);
}

/* ── COSE_Sign1 ── */

struct sign1 {
    struct view header; /* protected */
    struct view payload;
    struct view signature;
};

static err_t read_sign1(struct view cose, struct sign1 *ret)
{
    struct cbor_reader r = cbor_reader_on(cose, CBOR_DETERMINISTIC);
    TRY(cbor_enter_array(&r, 4));
    TRY(cbor_get_bytes(&r, PROTECTED_MAX, &ret->header));
    TRY(cbor_enter_map(&r, 0));
    TRY(cbor_leave(&r));
    TRY(cbor_get_bytes(&r, PAYLOAD_MAX, &ret->payload));
    TRY(cbor_get_bytes(&r, SIGNATURE_MAX, &ret->signature));
    TRY(cbor_leave(&r));
    return cbor_end(&r);
}

static const struct algorithm *find_algorithm(struct view header)
{
    for (size_t i = 0; i < COUNT_OF(algorithms); i++)
        if (view_equal(header, view_of(algorithms[i].header, algorithms[i].header_len)))
            return &algorithms[i];
    return NULL;
}

/* {"register_index": 0, "register_value": PCR0}: it is compared byte for byte, as AWS does. */
static bool is_payload_of(struct view payload, const uint8_t pcr0[static PCR_LEN])
{
    static const char index[] = "register_index", value[] = "register_value";
    uint8_t room[PAYLOAD_MAX];
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    cbor_put_map(&w, 2);
    cbor_put_text(&w, view_of(index, strlen(index)));
    cbor_put_uint(&w, 0);
    cbor_put_text(&w, view_of(value, strlen(value)));
    cbor_put_array(&w, PCR_LEN);
    for (size_t i = 0; i < PCR_LEN; i++)
        cbor_put_uint(&w, pcr0[i]);
    return w.len <= w.cap && view_equal(payload, view_of(room, w.len));
}

/* The Sig_structure of RFC 9052 §4.4. */
static err_t put_signed(const struct sign1 *s, struct cbor_writer *w, struct view *ret)
{
    static const char context[] = "Signature1";
    cbor_put_array(w, 4);
    cbor_put_text(w, view_of(context, strlen(context)));
    cbor_put_bytes(w, s->header);
    cbor_put_bytes(w, view_of(NULL, 0));
    cbor_put_bytes(w, s->payload);
    return cbor_written(w, ret);
}

static bool is_on(EVP_PKEY *key, const char *curve)
{
    char name[CURVE_MAX];
    return EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) == 1 && strcmp(name, curve) == 0;
}

static err_t verify(const struct sign1 *s, const struct algorithm *a, EVP_PKEY *key, struct why *why)
{
    uint8_t room[SIGNED_MAX], der[ECDSA_DER_MAX];
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    struct view text = {0};
    size_t len = 0;
    if (!is_on(key, a->curve))
        return bad(why, "the certificate's key is not one of its algorithm");
    if (s->signature.len != 2 * a->half)
        return bad(why, "its length is not that of its algorithm");
    TRY(put_signed(s, &w, &text));
    TRY(ecdsa_to_der(s->signature.data, a->half, der, &len));
    AUTO(md_ctx_free_at) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestVerifyInit_ex(ctx, NULL, a->digest, NULL, NULL, key, NULL) != 1)
        return ERR_NOMEM;
    return EVP_DigestVerify(ctx, der, len, text.data, text.len) == 1
               ? OK
               : bad(why, "the certificate's key did not make it");
}

/* ── the certificate ── */

static err_t seconds_of(const ASN1_TIME *time, uint64_t *ret)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) != 1 || timegm(&tm) < 0)
        return ERR_MALFORMED;
    *ret = (uint64_t)timegm(&tm);
    return OK;
}

static err_t measure_cert(const X509 *cert, uint8_t ret_pcr8[static PCR_LEN])
{
    uint8_t der[CERT_DER_MAX], digest[SHA384_LEN], pcr8[PCR_LEN] = {0};
    uint8_t *at = der;
    int len = i2d_X509(cert, NULL);
    if (len <= 0 || (size_t)len > sizeof(der) || i2d_X509(cert, &at) != len)
        return ERR_TOO_LARGE;
    const struct view whole = view_of(der, (size_t)len);
    TRY(sha384_of(&whole, 1, digest));
    TRY(pcr_extend(pcr8, view_of(digest, sizeof(digest))));
    memcpy(ret_pcr8, pcr8, PCR_LEN);
    return OK;
}

static int no_password(char *buffer UNUSED, int size UNUSED, int writing UNUSED, void *self UNUSED)
{
    return -1;
}

/* The first certificate of the text is the one, as AWS's tools have it. */
static X509 *read_cert(struct view pem)
{
    AUTO(bio_free_at) BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    return bio != NULL ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
}

err_t eif_signature_check(struct view section, const uint8_t pcr0[static PCR_LEN], struct eif_signature *ret,
                          struct why *why)
{
    AUTO_BUF struct buf pem = BUF_WITH(EIF_SIGNATURE_MAX);
    AUTO_BUF struct buf cose = BUF_WITH(EIF_SIGNATURE_MAX);
    struct eif_signature signature = {0};
    struct sign1 s = {0};
    if (section.len > EIF_SIGNATURE_MAX)
        return why_set(why, ERR_EIF_SIGNATURE, "signature: the section is larger than %d bytes", EIF_SIGNATURE_MAX);
    err_t e = read_section(section, &pem, &cose);
    if (e == OK)
        e = read_sign1(buf_view(&cose), &s);
    if (e != OK)
        return e == ERR_NOMEM ? e : bad(why, "the section is not CBOR of its form");
    const struct algorithm *a = find_algorithm(s.header);
    if (a == NULL)
        return bad(why, "its algorithm is not ES256, ES384 or ES512");
    if (!is_payload_of(s.payload, pcr0))
        return bad(why, "it is not about this file's PCR0");
    AUTO(x509_free_at) X509 *cert = read_cert(buf_view(&pem));
    if (cert == NULL || X509_get0_pubkey(cert) == NULL ||
        seconds_of(X509_get0_notBefore(cert), &signature.not_before) != OK ||
        seconds_of(X509_get0_notAfter(cert), &signature.not_after) != OK || measure_cert(cert, signature.pcr8) != OK)
        return bad(why, "its certificate cannot be read");
    TRY(verify(&s, a, X509_get0_pubkey(cert), why));
    signature.algorithm = a->name;
    *ret = signature;
    return OK;
}
