/* Keys and signatures through OpenSSL's own provider: nothing of src/front is used here. */
#include "stand_in.h"

#include "front/sign.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

static size_t sign(EVP_PKEY *key, struct view text, uint8_t *ret_signature)
{
    size_t n = SIGNATURE_MAX;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, "provider=default", key, NULL) == 1);
    CHECK(EVP_DigestSign(ctx, ret_signature, &n, text.data, text.len) == 1);
    EVP_MD_CTX_free(ctx);
    return n;
}

static void answer(const struct wire_end *own, uint32_t id, const void *signature, size_t n)
{
    struct msg_tls_sign head = {.id = id};
    err_t e = wire_send(own, MSG_TLS_SIGNATURE, &head, view_of(signature, n), NULL, 0);
    CHECK(e == OK || e == ERR_CLOSED); /* the asker may have given up */
}

static void act(struct stand_in *k, const struct wire_end *own, uint32_t id, struct view text)
{
    static const char other[] = "another text";
    uint8_t signature[SIGNATURE_MAX] = {0};
    int mood = atomic_load(&k->shared->mood);
    size_t n = sign(k->key, mood == MOOD_WRONG ? view_of(other, sizeof(other)) : text, signature);
    if (mood == MOOD_SILENT)
        return;
    if (mood == MOOD_GARBAGE)
        memset(signature, 0xaa, n);
    if (mood == MOOD_STALE)
        answer(own, id - 1, "stale", 5);
    if (mood == MOOD_LATE)
        (void)usleep((SIGN_WAIT_MS + 50) * 1000);
    answer(own, mood == MOOD_FOREIGN_ID ? id + 1 : id, signature, n);
}

static NORETURN void run(struct stand_in *k, const struct wire_end *own)
{
    struct wire_inbox inbox = {0};
    struct wire_msg m = WIRE_MSG_NONE;
    CHECK(wire_inbox_init(&inbox, CHAN_SIGN) == OK);
    while (wire_recv(own, &inbox, true, &m) == OK) {
        struct msg_tls_sign question;
        CHECK(m.type == MSG_TLS_SIGN);
        memcpy(&question, m.fixed, sizeof(question));
        atomic_fetch_add(&k->shared->asked, 1);
        act(k, own, question.id, m.tail);
    }
    _exit(0);
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
    struct wire_end own;
    *k = (struct stand_in){0};
    k->shared = mmap(NULL, sizeof(*k->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(k->shared != MAP_FAILED);
    k->key = EVP_PKEY_Q_keygen(NULL, "provider=default", "EC", "P-256");
    CHECK(k->key != NULL);
    k->certificate = certify(k->key);
    int len = i2d_X509(k->certificate, &k->der);
    CHECK(len > 0);
    k->der_len = (size_t)len;
    CHECK(wire_pair(CHAN_SIGN, &k->front, &own) == OK);
    k->pid = fork();
    CHECK(k->pid >= 0);
    if (k->pid == 0) {
        wire_end_close(&k->front);
        run(k, &own);
    }
    wire_end_close(&own);
}

void stand_in_stop(struct stand_in *k)
{
    int status = 0;
    wire_end_close(&k->front);
    CHECK(waitpid(k->pid, &status, 0) == k->pid && status == 0);
    CHECK(munmap(k->shared, sizeof(*k->shared)) == 0);
    OPENSSL_free(k->der);
    X509_free(k->certificate);
    EVP_PKEY_free(k->key);
}
