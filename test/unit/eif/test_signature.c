/* Signature sections made by hand with keys made here: all three algorithms, and everything that can be wrong with one.
 */
#include "eif/signature.h"
#include "receipt/cbor.h"
#include "unit.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define PEM_MAX 4096

static uint8_t pcr0[PCR_LEN];

/* What one is made of; what is 0 is as it should be, and each test spoils one thing. */
struct made {
    const char *curve;
    const char *digest;
    int algorithm; /* as COSE has it */
    unsigned index;
    bool other_pcr0;
    bool tagged;
    bool unprotected;
    bool reversed; /* the two keys of the map */
    bool no_entry;
    bool two_entries;
    const char *certificate_key;
    const char *pem; /* NULL: the key's own */
    bool other_key;
    int cut; /* bytes taken off the signature */
    bool trailing;
};

static const struct made good;

static const char *or_else(const char *text, const char *usual)
{
    return text != NULL ? text : usual;
}

/* A certificate without extensions, signed by itself: nothing asks more of it. */
static struct view make_cert(EVP_PKEY *key, char room[static PEM_MAX])
{
    X509 *cert = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(cert);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(cert), 1000000000));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(cert), 2000000000));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, EVP_sha384()) > 0);
    assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
    int n = BIO_read(bio, room, PEM_MAX);
    BIO_free(bio);
    X509_free(cert);
    return view_of(room, (size_t)n);
}

static void put_octets(struct cbor_writer *w, struct view bytes)
{
    cbor_put_array(w, bytes.len);
    for (size_t i = 0; i < bytes.len; i++)
        cbor_put_uint(w, bytes.data[i]);
}

static struct view payload(const struct made *m, uint8_t room[static 512])
{
    struct cbor_writer w = cbor_writer_on(room, 512);
    uint8_t value[PCR_LEN];
    memcpy(value, pcr0, sizeof(value));
    value[47] ^= m->other_pcr0;
    cbor_put_map(&w, 2);
    cbor_put_text(&w, text_view("register_index"));
    cbor_put_uint(&w, m->index);
    cbor_put_text(&w, text_view("register_value"));
    put_octets(&w, view_of(value, sizeof(value)));
    return view_of(room, w.len);
}

/* r ‖ s of the Sig_structure. */
static size_t sign(const struct made *m, EVP_PKEY *key, struct view header, struct view text, uint8_t room[static 256])
{
    uint8_t structure[1024], der[256];
    size_t len = sizeof(der);
    const uint8_t *at = der;
    struct cbor_writer w = cbor_writer_on(structure, sizeof(structure));
    cbor_put_array(&w, 4);
    cbor_put_text(&w, text_view("Signature1"));
    cbor_put_bytes(&w, header);
    cbor_put_bytes(&w, text_view(""));
    cbor_put_bytes(&w, text);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, or_else(m->digest, "SHA384"), NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSign(ctx, der, &len, structure, w.len), 1);
    EVP_MD_CTX_free(ctx);
    int half = (EVP_PKEY_get_bits(key) + 7) / 8;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), room, half), half);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), room + half, half), half);
    ECDSA_SIG_free(sig);
    return (size_t)(2 * half - m->cut);
}

static struct view sign1(const struct made *m, EVP_PKEY *key, uint8_t room[static 1024])
{
    uint8_t head[8], text_room[512], signature[256];
    struct cbor_writer h = cbor_writer_on(head, sizeof(head)), w = cbor_writer_on(room, 1024);
    cbor_put_map(&h, 1);
    cbor_put_uint(&h, 1);
    cbor_put_int(&h, m->algorithm != 0 ? m->algorithm : -35);
    struct view header = view_of(head, h.len), text = payload(m, text_room);
    size_t n = sign(m, key, header, text, signature);
    if (m->tagged)
        cbor_put_tag(&w, 18);
    cbor_put_array(&w, 4);
    cbor_put_bytes(&w, header);
    cbor_put_map(&w, m->unprotected);
    if (m->unprotected) {
        cbor_put_uint(&w, 4);
        cbor_put_bytes(&w, text_view("kid"));
    }
    cbor_put_bytes(&w, text);
    cbor_put_bytes(&w, view_of(signature, n));
    return view_of(room, w.len);
}

static err_t judge(const struct made *m, struct eif_signature *ret, struct why *why)
{
    static uint8_t section[EIF_SIGNATURE_MAX];
    char pem[PEM_MAX];
    uint8_t room[1024];
    const char *curve = or_else(m->curve, "P-384"),
               *certificate_key = or_else(m->certificate_key, "signing_certificate");
    unsigned entries = m->no_entry ? 0 : m->two_entries ? 2 : 1;
    EVP_PKEY *key = EVP_EC_gen(curve), *other = EVP_EC_gen(curve);
    struct cbor_writer w = cbor_writer_on(section, sizeof(section));
    struct view cert = m->pem != NULL ? text_view(m->pem) : make_cert(m->other_key ? other : key, pem);
    struct view cose = sign1(m, key, room);
    cbor_put_array(&w, entries);
    for (unsigned i = 0; i < entries; i++) {
        cbor_put_map(&w, 2);
        cbor_put_text(&w, text_view(m->reversed ? "signature" : certificate_key));
        put_octets(&w, m->reversed ? cose : cert);
        cbor_put_text(&w, text_view(m->reversed ? certificate_key : "signature"));
        put_octets(&w, m->reversed ? cert : cose);
    }
    if (m->trailing)
        cbor_put_uint(&w, 0);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    return eif_signature_check(view_of(section, w.len), pcr0, ret, why);
}

static void algorithms(void **state UNUSED)
{
    static const struct {
        const char *curve;
        const char *digest;
        int algorithm;
        const char *name;
    } table[] = {
        {"P-256", "SHA256", -7, "ES256"}, {"P-384", "SHA384", -35, "ES384"}, {"P-521", "SHA512", -36, "ES512"}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct made m = good;
        struct eif_signature s;
        m.curve = table[i].curve;
        m.digest = table[i].digest;
        m.algorithm = table[i].algorithm;
        assert_ok(judge(&m, &s, NULL));
        assert_string_equal(s.algorithm, table[i].name);
        assert_true(s.not_before == 1000000000 && s.not_after == 2000000000);
        assert_false(pcr_is_zero(s.pcr8));
    }
}

static void spoiled(void **state UNUSED)
{
    static const struct {
        struct made made;
        const char *part; /* of the sentence */
    } table[] = {
        {{.index = 1}, "PCR0"},
        {{.other_pcr0 = true}, "PCR0"},
        {{.tagged = true}, "CBOR"},
        {{.unprotected = true}, "CBOR"},
        {{.reversed = true}, "CBOR"},
        {{.trailing = true}, "CBOR"},
        {{.no_entry = true}, "CBOR"},
        {{.two_entries = true}, "CBOR"},
        {{.certificate_key = "certificate"}, "CBOR"},
        {{.algorithm = -8}, "algorithm"},
        {{.curve = "P-256"}, "key is not one"},
        {{.curve = "brainpoolP384r1"}, "key is not one"},
        {{.digest = "SHA256"}, "did not make it"},
        {{.other_key = true}, "did not make it"},
        {{.cut = 1}, "length"},
        {{.pem = ""}, "certificate"},
        {{.pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"}, "certificate"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct eif_signature s;
        struct why why = {""};
        assert_err(judge(&table[i].made, &s, &why), ERR_EIF_SIGNATURE);
        assert_memory_equal(why.text, "signature: ", 11);
        if (strstr(why.text, table[i].part) == NULL)
            fail_msg("row %zu: %s", i, why.text);
    }
}

/* A file could make whoever looked at it be asked for a password by the terminal, and wait. */
static void nobody_is_asked(void **state UNUSED)
{
    struct made m = good;
    struct eif_signature s;
    m.pem = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
            "DEK-Info: AES-256-CBC,000102030405060708090A0B0C0D0E0F\n\n"
            "MAAAAAAAAAAAAAAAAAAAAA==\n-----END CERTIFICATE-----\n";
    ERR_clear_error();
    assert_err(judge(&m, &s, NULL), ERR_EIF_SIGNATURE);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), PEM_R_BAD_PASSWORD_READ); /* and before it no other */
}

static void sizes(void **state UNUSED)
{
    static uint8_t zeros[EIF_SIGNATURE_MAX + 1];
    struct eif_signature s;
    assert_err(eif_signature_check(view_of(zeros, 0), pcr0, &s, NULL), ERR_EIF_SIGNATURE);
    assert_err(eif_signature_check(view_of(zeros, sizeof(zeros)), pcr0, &s, NULL), ERR_EIF_SIGNATURE);
}

static void no_memory(void **state UNUSED)
{
    struct eif_signature s;
    err_t e = ERR_NOMEM;
    long n = 0;
    for (; e == ERR_NOMEM; n++) {
        mem_fail_after(n);
        e = judge(&good, &s, NULL);
        mem_fail_after(-1);
    }
    assert_ok(e);
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(algorithms), cmocka_unit_test(spoiled),
                                       cmocka_unit_test(nobody_is_asked), cmocka_unit_test(sizes),
                                       cmocka_unit_test(no_memory)};
    memset(pcr0, 0x5A, sizeof(pcr0));
    return cmocka_run_group_tests_name("eif signature", tests, NULL, NULL);
}
