/* One table row a level. */
#include "nsm/issue.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define NAME_MAX_ 128
#define HOUR      UINT64_C(3600)
#define DAY       (24 * HOUR)

enum part { PART_NONE, PART_COUNTRY, PART_STATE, PART_CITY, PART_ORGANIZATION, PART_UNIT, PART_NAME };

/* "SIMULATED" stands in every name. XX is a country that will never be one (ISO 3166 §8.1.3). */
static const struct {
    const char *field;
    const char *value;
} name_parts[] = {
    [PART_COUNTRY] = {"C", "XX"},           [PART_STATE] = {"ST", "SIMULATED"}, [PART_CITY] = {"L", "SIMULATED"},
    [PART_ORGANIZATION] = {"O", "veronnx"}, [PART_UNIT] = {"OU", "SIMULATED"},  [PART_NAME] = {"CN", NULL},
};

static const struct level_row {
    const char *common_name; /* behind the first part */
    enum part order[7];
    uint64_t before_s;
    uint64_t life_s;
    const char *constraints;
    const char *usage;
    bool key_ids;
} levels[LEVELS_] = {
    [LEVEL_ROOT] = {"sim.nitro-enclaves",
                    {PART_COUNTRY, PART_ORGANIZATION, PART_UNIT, PART_NAME},
                    HOUR,
                    10958 * DAY + HOUR, /* 30 years */
                    "critical,CA:TRUE",
                    "critical,digitalSignature,keyCertSign,cRLSign",
                    true},
    [LEVEL_REGIONAL] = {".local.sim.nitro-enclaves",
                        {PART_COUNTRY, PART_ORGANIZATION, PART_UNIT, PART_NAME},
                        HOUR,
                        20 * DAY + HOUR,
                        "critical,CA:TRUE,pathlen:2",
                        "critical,digitalSignature,keyCertSign,cRLSign",
                        true},
    [LEVEL_ZONAL] = {".zonal.local.sim.nitro-enclaves",
                     {PART_NAME, PART_UNIT, PART_ORGANIZATION, PART_COUNTRY, PART_STATE, PART_CITY},
                     HOUR,
                     6 * DAY,
                     "critical,CA:TRUE,pathlen:1",
                     "critical,digitalSignature,keyCertSign,cRLSign",
                     true},
    [LEVEL_INSTANCE] = {".local.sim.nitro-enclaves",
                        {PART_COUNTRY, PART_STATE, PART_CITY, PART_ORGANIZATION, PART_UNIT, PART_NAME},
                        HOUR,
                        DAY,
                        "critical,CA:TRUE,pathlen:0",
                        "critical,keyCertSign",
                        true},
    [LEVEL_LEAF] = {".local.sim",
                    {PART_COUNTRY, PART_STATE, PART_CITY, PART_ORGANIZATION, PART_UNIT, PART_NAME},
                    3,
                    3 * HOUR + 3,
                    "critical,CA:FALSE",
                    "digitalSignature,nonRepudiation",
                    false},
};

static void cert_free(X509 **c)
{
    X509_free(*c);
}

void issued_done(struct issued *h)
{
    X509_free(h->cert);
    EVP_PKEY_free(h->key);
    *h = (struct issued){0};
}

uint64_t issue_life_s(enum level level)
{
    return levels[level].life_s;
}

uint64_t issue_before_s(enum level level)
{
    return levels[level].before_s;
}

err_t issue_key(EVP_PKEY **ret)
{
    EVP_PKEY *key = EVP_EC_gen("P-384");
    if (key == NULL)
        return ERR_INTERNAL;
    *ret = key;
    return OK;
}

static err_t set_subject(X509 *c, const struct level_row *row, const char *first)
{
    char common[NAME_MAX_];
    X509_NAME *name = X509_get_subject_name(c);
    int n = snprintf(common, sizeof(common), "%s%s", first, row->common_name);
    if (n < 0 || (size_t)n >= sizeof(common))
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < COUNT_OF(row->order) && row->order[i] != PART_NONE; i++) {
        const char *value = name_parts[row->order[i]].value;
        const unsigned char *text = (const unsigned char *)(value != NULL ? value : common);
        if (X509_NAME_add_entry_by_txt(name, name_parts[row->order[i]].field, MBSTRING_ASC, text, -1, -1, 0) != 1)
            return ERR_NOMEM;
    }
    return OK;
}

static err_t set_serial(X509 *c, const uint8_t *serial)
{
    BIGNUM *n = BN_bin2bn(serial, 16, NULL);
    bool ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(c)) != NULL;
    BN_free(n);
    return ok ? OK : ERR_NOMEM;
}

static err_t set_times(X509 *c, const struct level_row *row, uint64_t now_s)
{
    time_t from = (time_t)(now_s - row->before_s);
    if (ASN1_TIME_set(X509_getm_notBefore(c), from) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(c), from + (time_t)row->life_s) == NULL)
        return ERR_NOMEM;
    return OK;
}

static err_t add_extension(X509 *c, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e != NULL && X509_add_ext(c, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok ? OK : ERR_NOMEM;
}

static err_t add_extensions(X509 *c, X509 *issuer, const struct level_row *row)
{
    TRY(add_extension(c, issuer, NID_basic_constraints, row->constraints));
    if (row->key_ids) {
        TRY(add_extension(c, issuer, NID_subject_key_identifier, "hash"));
        if (issuer != c)
            TRY(add_extension(c, issuer, NID_authority_key_identifier, "keyid"));
    }
    return add_extension(c, issuer, NID_key_usage, row->usage);
}

err_t issue_certificate(enum level level, EVP_PKEY *key, const char *name, const struct issued *issuer,
                        const uint8_t serial[static 16], uint64_t now_s, X509 **ret)
{
    const struct level_row *row = &levels[level];
    AUTO(cert_free) X509 *c = X509_new();
    if (c == NULL || X509_set_version(c, X509_VERSION_3) != 1 || X509_set_pubkey(c, key) != 1)
        return ERR_NOMEM;
    TRY(set_subject(c, row, name));
    TRY(set_serial(c, serial));
    TRY(set_times(c, row, now_s));
    if (X509_set_issuer_name(c, X509_get_subject_name(issuer != NULL ? issuer->cert : c)) != 1)
        return ERR_NOMEM;
    TRY(add_extensions(c, issuer != NULL ? issuer->cert : c, row));
    if (X509_sign(c, issuer != NULL ? issuer->key : key, EVP_sha384()) <= 0)
        return ERR_INTERNAL;
    *ret = TAKE_PTR(c);
    return OK;
}
