/* An OpenSSL provider for one kind of key: P-256 whose private half is in the keeper. It imports and compares public
   halves and makes signatures through a struct signer; it can do nothing else. */
#ifndef VERONNX_FRONT_PROVIDER_H
#define VERONNX_FRONT_PROVIDER_H

#include "front/sign.h"

#include <openssl/evp.h>

#define POINT_LEN 65 /* SEC 1 uncompressed point on P-256 */

/* Loads it beside OpenSSL's default provider, which stays the preferred one for everything. Once per process. */
err_t provider_setup(void);

/* The key whose public half is `point`; its signatures come from `signer`, which must outlive it. For EVP_PKEY_free. */
err_t provider_key(struct signer *signer, const uint8_t point[static POINT_LEN], EVP_PKEY **ret);

#endif
