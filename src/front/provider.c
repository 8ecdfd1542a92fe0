/* The provider's tables (provider(7), provider-keymgmt(7), provider-signature(7)) and the functions in them. */
#include "front/provider.h"

#include "base/mem.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <string.h>
#include <strings.h>

#define PROVIDER_NAME  "veronnx"
#define PROPERTY       "provider=" PROVIDER_NAME
#define PARAM_SIGNER   "veronnx-signer"
#define KEY_NAMES      "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define SIGNATURE_NAME "ECDSA"
#define GROUP          "prime256v1"
#define DER_MAX        72 /* SEQUENCE of two 33-byte INTEGERs */

/* A dispatch table holds functions of every type as void (*)(void). */
#define ENTRY(id, fn)                                                                                                  \
    {                                                                                                                  \
        id, (void (*)(void))(fn)                                                                                       \
    }
#define ENTRY_END                                                                                                      \
    {                                                                                                                  \
        0, NULL                                                                                                        \
    }

struct key {
    struct signer *signer; /* NULL: a public key that was imported to be compared */
    uint8_t point[POINT_LEN];
    bool complete;
};

/* ── keys ── */

static void *key_new(void *provider)
{
    (void)provider;
    return mem_alloc(1, sizeof(struct key));
}

static void key_free(void *key)
{
    mem_free(key);
}

static int key_has(const void *data, int selection)
{
    const struct key *key = data;
    if (!key->complete)
        return 0;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || key->signer != NULL;
}

static int key_match(const void *a, const void *b, int selection)
{
    const struct key *one = a;
    const struct key *two = b;
    (void)selection;
    return one->complete && two->complete && memcmp(one->point, two->point, POINT_LEN) == 0;
}

static int key_import(void *data, int selection, const OSSL_PARAM params[])
{
    struct key *key = data;
    const OSSL_PARAM *group = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
    const OSSL_PARAM *point = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
    const OSSL_PARAM *signer = OSSL_PARAM_locate_const(params, PARAM_SIGNER);
    const char *name = NULL;
    const void *bytes = NULL;
    const void *pointer = NULL;
    size_t len = 0;
    (void)selection;
    if (group == NULL || !OSSL_PARAM_get_utf8_string_ptr(group, &name) || strcmp(name, GROUP) != 0)
        return 0;
    if (point == NULL || !OSSL_PARAM_get_octet_string_ptr(point, &bytes, &len) || len != POINT_LEN)
        return 0;
    if (signer != NULL && !OSSL_PARAM_get_octet_ptr(signer, &pointer, &len))
        return 0;
    memcpy(key->point, bytes, POINT_LEN);
    memcpy(&key->signer, &pointer, sizeof(pointer));
    key->complete = true;
    return 1;
}

static const OSSL_PARAM *key_import_types(int selection)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_octet_ptr(PARAM_SIGNER, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)selection;
    return types;
}

static int key_get_params(void *data, OSSL_PARAM params[])
{
    static const struct {
        const char *name;
        int value;
    } numbers[] = {
        {OSSL_PKEY_PARAM_BITS, 256},
        {OSSL_PKEY_PARAM_SECURITY_BITS, 128},
        {OSSL_PKEY_PARAM_MAX_SIZE, DER_MAX},
    };
    (void)data;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        OSSL_PARAM *p = OSSL_PARAM_locate(params, numbers[i].name);
        if (p != NULL && !OSSL_PARAM_set_int(p, numbers[i].value))
            return 0;
    }
    OSSL_PARAM *group = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_GROUP_NAME);
    return group == NULL || OSSL_PARAM_set_utf8_string(group, GROUP);
}

static const OSSL_PARAM *key_gettable_params(void *provider)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)provider;
    return types;
}

static const char *key_operation_name(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? SIGNATURE_NAME : NULL;
}

static const OSSL_DISPATCH key_functions[] = {
    ENTRY(OSSL_FUNC_KEYMGMT_NEW, key_new),
    ENTRY(OSSL_FUNC_KEYMGMT_FREE, key_free),
    ENTRY(OSSL_FUNC_KEYMGMT_HAS, key_has),
    ENTRY(OSSL_FUNC_KEYMGMT_MATCH, key_match),
    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, key_import),
    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),
    ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),
    ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable_params),
    ENTRY(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_operation_name),
    ENTRY_END,
};

/* ── signatures: the keeper hashes and signs the whole text, so there is one function and no state ── */

struct signing {
    struct key *key;
};

static void *signing_new(void *provider, const char *properties)
{
    (void)provider;
    (void)properties;
    return mem_alloc(1, sizeof(struct signing));
}

static void signing_free(void *signing)
{
    mem_free(signing);
}

static int signing_init(void *data, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct signing *signing = data;
    (void)params;
    if (digest == NULL || (strcasecmp(digest, "SHA256") != 0 && strcasecmp(digest, "SHA2-256") != 0))
        return 0;
    signing->key = key;
    return signing->key != NULL && signing->key->signer != NULL;
}

static int signing_sign(void *data, unsigned char *ret_signature, size_t *ret_len, size_t room,
                        const unsigned char *text, size_t len)
{
    struct signing *signing = data;
    uint8_t signature[SIGNATURE_MAX];
    *ret_len = DER_MAX;
    if (ret_signature == NULL)
        return 1;
    if (signer_sign(signing->key->signer, view_of(text, len), signature, ret_len) != OK || *ret_len > room)
        return 0;
    memcpy(ret_signature, signature, *ret_len);
    return 1;
}

static const OSSL_DISPATCH signature_functions[] = {
    ENTRY(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
    ENTRY(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_init),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_sign),
    ENTRY_END,
};

/* ── the provider ── */

static const OSSL_ALGORITHM *provider_query(void *provider, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM keys[] = {{KEY_NAMES, PROPERTY, key_functions, NULL}, {NULL, NULL, NULL, NULL}};
    static const OSSL_ALGORITHM signatures[] = {{SIGNATURE_NAME, PROPERTY, signature_functions, NULL},
                                                {NULL, NULL, NULL, NULL}};
    (void)provider;
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT:
        return keys;
    case OSSL_OP_SIGNATURE:
        return signatures;
    default:
        return NULL;
    }
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **ret)
{
    static const OSSL_DISPATCH functions[] = {ENTRY(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query), ENTRY_END};
    (void)handle;
    (void)in;
    *out = functions;
    *ret = (void *)(uintptr_t)functions; /* it has no state, but must not be NULL */
    return 1;
}

err_t provider_setup(void)
{
    if (OSSL_PROVIDER_load(NULL, "default") == NULL || !EVP_set_default_properties(NULL, "?provider=default"))
        return ERR_SELF_TEST;
    if (!OSSL_PROVIDER_add_builtin(NULL, PROVIDER_NAME, provider_init) ||
        OSSL_PROVIDER_load(NULL, PROVIDER_NAME) == NULL)
        return ERR_SELF_TEST;
    return OK;
}

static void context_free(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

err_t provider_key(struct signer *signer, const uint8_t point[static POINT_LEN], EVP_PKEY **ret)
{
    char group[] = GROUP;
    void *pointer = signer;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point, POINT_LEN),
        OSSL_PARAM_construct_octet_ptr(PARAM_SIGNER, &pointer, sizeof(pointer)),
        OSSL_PARAM_construct_end(),
    };
    AUTO(context_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", PROPERTY);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_KEYPAIR, params) <= 0)
        return ERR_SELF_TEST;
    return OK;
}
