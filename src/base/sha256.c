/* SHA-256 with a fetched EVP_MD, because an implicit fetch costs more than a short message. */
#include "base/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

static EVP_MD *sha256_md;

err_t sha256_setup(void)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return ERR_INTERNAL;
    if (sha256_md == NULL)
        sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    return sha256_md != NULL ? OK : ERR_INTERNAL;
}

err_t sha256_init(struct sha256 *h)
{
    TRY(sha256_setup());
    struct sha256 fresh = {.ctx = EVP_MD_CTX_new()};
    if (fresh.ctx == NULL)
        return ERR_NOMEM;
    if (EVP_DigestInit_ex2(fresh.ctx, sha256_md, NULL) != 1) {
        sha256_done(&fresh);
        return ERR_INTERNAL;
    }
    *h = fresh;
    return OK;
}

void sha256_done(struct sha256 *h)
{
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

err_t sha256_reset(struct sha256 *h)
{
    return EVP_DigestInit_ex2(h->ctx, NULL, NULL) == 1 ? OK : ERR_INTERNAL;
}

err_t sha256_update(struct sha256 *h, const void *bytes, size_t n)
{
    return EVP_DigestUpdate(h->ctx, bytes, n) == 1 ? OK : ERR_INTERNAL;
}

err_t sha256_final(struct sha256 *h, uint8_t ret_digest[static SHA256_LEN])
{
    return EVP_DigestFinal_ex(h->ctx, ret_digest, NULL) == 1 ? OK : ERR_INTERNAL;
}

err_t sha256_of(const void *bytes, size_t n, uint8_t ret_digest[static SHA256_LEN])
{
    AUTO(sha256_done) struct sha256 h = {0};
    TRY(sha256_init(&h));
    TRY(sha256_update(&h, bytes, n));
    return sha256_final(&h, ret_digest);
}
