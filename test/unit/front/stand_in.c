/* Keys and signatures through OpenSSL's own provider: nothing of src/front is used here. */
#include "stand_in.h"

#include "front/sign.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

static size_t sign(struct stand_in *k, struct view text, uint8_t *ret_signature)
{
    size_t n = SIGNATURE_MAX;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, "provider=default", k->key, NULL) == 1);
    CHECK(EVP_DigestSign(ctx, ret_signature, &n, text.data, text.len) == 1);
    EVP_MD_CTX_free(ctx);
    return n;
}

static void answer(struct stand_in *k, uint32_t id, const void *signature, size_t n)
{
    struct msg_tls_sign head = {.id = id};
    CHECK(wire_send(&k->own, MSG_TLS_SIGNATURE, &head, view_of(signature, n), NULL, 0) == OK);
}

static void act(struct stand_in *k, uint32_t id, struct view text)
{
    static const char other[] = "another text";
    uint8_t signature[SIGNATURE_MAX] = {0};
    int mood = atomic_load(&k->mood);
    size_t n = sign(k, mood == MOOD_WRONG ? view_of(other, sizeof(other)) : text, signature);
    if (mood == MOOD_SILENT)
        return;
    if (mood == MOOD_GARBAGE)
        memset(signature, 0xaa, n);
    if (mood == MOOD_STALE)
        answer(k, id - 1, "stale", 5);
    if (mood == MOOD_LATE)
        (void)usleep((SIGN_WAIT_MS + 50) * 1000);
    answer(k, mood == MOOD_FOREIGN_ID ? id + 1 : id, signature, n);
}

static void *run(void *self)
{
    struct stand_in *k = self;
    struct wire_inbox inbox = {0};
    struct wire_msg m = WIRE_MSG_NONE;
    CHECK(wire_inbox_init(&inbox, CHAN_SIGN) == OK);
    while (wire_recv(&k->own, &inbox, true, &m) == OK) {
        struct msg_tls_sign question;
        CHECK(m.type == MSG_TLS_SIGN);
        memcpy(&question, m.fixed, sizeof(question));
        atomic_fetch_add(&k->asked, 1);
        act(k, question.id, m.tail);
    }
    wire_inbox_done(&inbox);
    OPENSSL_thread_stop();
    return NULL;
}

static X509 *certify(EVP_PKEY *key)
{
    static const unsigned char name[] = "localhost";
    X509 *x = X509_new();
    CHECK(x != NULL && X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), 1));
    CHECK(X509_gmtime_adj(X509_getm_notBefore(x), -60) && X509_gmtime_adj(X509_getm_notAfter(x), 86400));
    CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, name, -1, -1, 0));
    CHECK(X509_set_issuer_name(x, X509_get_subject_name(x)) && X509_set_pubkey(x, key));
    CHECK(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

void stand_in_start(struct stand_in *k)
{
    *k = (struct stand_in){0};
    k->key = EVP_PKEY_Q_keygen(NULL, "provider=default", "EC", "P-256");
    CHECK(k->key != NULL);
    k->certificate = certify(k->key);
    int len = i2d_X509(k->certificate, &k->der);
    CHECK(len > 0);
    k->der_len = (size_t)len;
    CHECK(wire_pair(CHAN_SIGN, &k->front, &k->own) == OK);
    CHECK(pthread_create(&k->thread, NULL, run, k) == 0);
}

/* The front's end must be closed by now. */
void stand_in_stop(struct stand_in *k)
{
    wire_end_close(&k->front);
    CHECK(pthread_join(k->thread, NULL) == 0);
    wire_end_close(&k->own);
    OPENSSL_free(k->der);
    X509_free(k->certificate);
    EVP_PKEY_free(k->key);
}
