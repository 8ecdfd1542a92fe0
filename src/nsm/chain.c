/* Ids, renewal, and the bytes of certificates. */
#include "nsm/chain.h"

#include "base/text.h"

#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

/* The id of an enclave begins with the milliseconds at which it was made. */
static err_t choose_ids(struct sim_chain *c, uint64_t now_ms)
{
    uint8_t random[11];
    char instance[HEX_LEN(9) + 1];
    char enclave[HEX_LEN(8) + 1];
    if (RAND_bytes(random, sizeof(random)) != 1)
        return ERR_INTERNAL;
    for (size_t i = 0; i < 6; i++)
        c->enclave[i] = (uint8_t)(now_ms >> (40 - 8 * i));
    memcpy(c->enclave + 6, random, 2);
    hex_encode(random + 2, 9, instance);
    hex_encode(c->enclave, sizeof(c->enclave), enclave);
    (void)snprintf(c->instance_id, sizeof(c->instance_id), "sim-%.17s", instance);
    (void)snprintf(c->module_id, sizeof(c->module_id), "%.21s-enc%s", c->instance_id, enclave);
    return OK;
}

static err_t keep_der(struct sim_chain *c, enum level level)
{
    uint8_t *at = c->der[level];
    int len = i2d_X509(c->level[level].cert, NULL);
    if (len <= 0 || len > ATTEST_CERT_MAX || i2d_X509(c->level[level].cert, &at) != len)
        return ERR_INTERNAL;
    c->der_len[level] = (size_t)len;
    return OK;
}

err_t sim_chain_init(struct sim_chain *c, struct issued *root, uint64_t now_ms)
{
    *c = (struct sim_chain){.level[LEVEL_ROOT] = *root};
    *root = (struct issued){0};
    TRY(choose_ids(c, now_ms));
    TRY(keep_der(c, LEVEL_ROOT));
    return sim_chain_renew(c, now_ms / 1000);
}

void sim_chain_done(struct sim_chain *c)
{
    for (size_t i = 0; i < LEVELS_; i++)
        issued_done(&c->level[i]);
}

/* A leaf's has the enclave's id and the time, the others' are random. */
static err_t choose_serial(const struct sim_chain *c, enum level level, uint64_t now_s, uint8_t ret[static 16])
{
    if (level == LEVEL_LEAF) {
        memset(ret, 0, 16);
        memcpy(ret, c->enclave, sizeof(c->enclave));
        for (size_t i = 0; i < 4; i++)
            ret[12 + i] = (uint8_t)(now_s >> (24 - 8 * i));
        return OK;
    }
    if (RAND_bytes(ret, 16) != 1)
        return ERR_INTERNAL;
    ret[0] = (ret[0] & 0x7F) | 0x40;
    return OK;
}

static err_t choose_name(const struct sim_chain *c, enum level level, char ret[static MODULE_ID_LEN + 1])
{
    uint8_t random[8];
    if (level == LEVEL_LEAF || level == LEVEL_INSTANCE) {
        (void)snprintf(ret, MODULE_ID_LEN + 1, "%s", level == LEVEL_LEAF ? c->module_id : c->instance_id);
        return OK;
    }
    if (RAND_bytes(random, sizeof(random)) != 1)
        return ERR_INTERNAL;
    hex_encode(random, sizeof(random), ret);
    return OK;
}

static err_t renew_level(struct sim_chain *c, enum level level, uint64_t now_s)
{
    AUTO(issued_done) struct issued fresh = {0};
    char name[MODULE_ID_LEN + 1];
    uint8_t serial[16];
    TRY(choose_serial(c, level, now_s, serial));
    TRY(choose_name(c, level, name));
    TRY(issue_key(&fresh.key));
    TRY(issue_certificate(level, fresh.key, name, &c->level[level - 1], serial, now_s, &fresh.cert));
    issued_done(&c->level[level]);
    c->level[level] = (struct issued){TAKE_PTR(fresh.cert), TAKE_PTR(fresh.key)};
    c->made_s[level] = now_s;
    return keep_der(c, level);
}

static bool is_good(const struct sim_chain *c, enum level level, uint64_t now_s)
{
    return c->level[level].cert != NULL && now_s >= c->made_s[level] &&
           now_s - c->made_s[level] < issue_life_s(level) / 2 - issue_before_s(level);
}

err_t sim_chain_renew(struct sim_chain *c, uint64_t now_s)
{
    enum level level = LEVEL_REGIONAL;
    while (level < LEVELS_ && is_good(c, level, now_s))
        level++;
    for (; level < LEVELS_; level++)
        TRY(renew_level(c, level, now_s));
    return OK;
}

struct view sim_chain_der(const struct sim_chain *c, enum level level)
{
    return view_of(c->der[level], c->der_len[level]);
}
