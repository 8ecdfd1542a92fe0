/* What makes a node of the test's own: its keeper shows the keys that it has just made, in a mapping that is found by
 * its name. */
#include "base/fd.h"
#include "keeper/keys.h"

#include <openssl/bn.h>
#include <sys/mman.h>

/* Big endian, as memory.py reads it. */
struct exported {
    uint8_t tls[32];
    uint8_t receipt[32];
    uint8_t rsa_private[256];
    uint8_t rsa_prime[2][128];
};

typeof(keys_init) __real_keys_init, __wrap_keys_init;

static bool put(EVP_PKEY *key, const char *name, uint8_t *ret, int len)
{
    BIGNUM *number = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, name, &number) == 1 && BN_bn2binpad(number, ret, len) == len;
    BN_clear_free(number);
    return ok;
}

static bool put_all(const struct keys *k, struct exported *ret)
{
    return put(k->tls, "priv", ret->tls, sizeof(ret->tls)) &&
           put(k->receipt, "priv", ret->receipt, sizeof(ret->receipt)) &&
           put(k->rsa, "d", ret->rsa_private, sizeof(ret->rsa_private)) &&
           put(k->rsa, "rsa-factor1", ret->rsa_prime[0], sizeof(ret->rsa_prime[0])) &&
           put(k->rsa, "rsa-factor2", ret->rsa_prime[1], sizeof(ret->rsa_prime[1]));
}

err_t __wrap_keys_init(struct keys *k, struct view names, uint64_t not_after)
{
    TRY(__real_keys_init(k, names, not_after));
    AUTO_FD int fd = -1;
    struct map shown = {0}; /* for as long as the keeper lives */
    TRY(memfd_new("exported-keys", sizeof(struct exported), &fd));
    TRY(map_shared(fd, sizeof(struct exported), PROT_READ | PROT_WRITE, &shown));
    return put_all(k, (void *)shown.addr) ? OK : ERR_INTERNAL;
}
