/* SHA-384 with a fetched EVP_MD. */
#include "base/sha384.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

static EVP_MD *sha384_md;

static void ctx_free(EVP_MD_CTX **ctx)
{
    EVP_MD_CTX_free(*ctx);
}

err_t sha384_setup(void)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return ERR_INTERNAL;
    if (sha384_md == NULL)
        sha384_md = EVP_MD_fetch(NULL, "SHA384", NULL);
    return sha384_md != NULL ? OK : ERR_INTERNAL;
}

err_t sha384_of(const struct view *parts, size_t n_parts, uint8_t ret_digest[static SHA384_LEN])
{
    TRY(sha384_setup());
    AUTO(ctx_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL)
        return ERR_NOMEM;
    if (EVP_DigestInit_ex2(ctx, sha384_md, NULL) != 1)
        return ERR_INTERNAL;
    for (size_t i = 0; i < n_parts; i++)
        if (EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) != 1)
            return ERR_INTERNAL;
    return EVP_DigestFinal_ex(ctx, ret_digest, NULL) == 1 ? OK : ERR_INTERNAL;
}
