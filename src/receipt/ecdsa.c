/* To DER through OpenSSL's ECDSA_SIG; back by itself, because that is done for every signature of a receipt. */
#include "receipt/ecdsa.h"

#include <openssl/ec.h>
#include <string.h>

static void sig_free_at(ECDSA_SIG **sig)
{
    ECDSA_SIG_free(*sig);
}

err_t ecdsa_to_der(const uint8_t *signature, size_t part, uint8_t ret_der[static ECDSA_DER_MAX], size_t *ret_len)
{
    AUTO(sig_free_at) ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, (int)part, NULL);
    BIGNUM *s = BN_bin2bn(signature + part, (int)part, NULL);
    if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return ERR_NOMEM;
    }
    int len = i2d_ECDSA_SIG(sig, &ret_der);
    if (len <= 0)
        return ERR_NOMEM;
    *ret_len = (size_t)len;
    return OK;
}

#define DER_INTEGER    0x02
#define DER_SEQUENCE   0x30
#define DER_LENGTH_MAX 127 /* in one byte */

static err_t take_item(struct view *v, uint8_t tag, struct view *ret)
{
    uint8_t head[2];
    TRY(view_copy(v, head, sizeof(head)));
    return head[0] == tag && head[1] <= DER_LENGTH_MAX ? view_take(v, head[1], ret) : ERR_MALFORMED;
}

/* Not negative, and with a zero in front only where the next bit would be the sign (X.690 §8.3). */
static err_t take_part(struct view *v, size_t part, uint8_t *ret)
{
    struct view n = {0}, zero = {0};
    TRY(take_item(v, DER_INTEGER, &n));
    if (n.len == 0 || n.data[0] > 0x7F || (n.len > 1 && n.data[0] == 0 && n.data[1] <= 0x7F))
        return ERR_MALFORMED;
    if (n.data[0] == 0)
        TRY(view_take(&n, 1, &zero));
    if (n.len > part)
        return ERR_MALFORMED;
    memset(ret, 0, part - n.len);
    return view_copy(&n, ret + (part - n.len), n.len);
}

err_t ecdsa_from_der(struct view der, size_t part, uint8_t *ret_signature)
{
    uint8_t signature[2 * ECDSA_PART_MAX];
    struct view both = {0};
    TRY(take_item(&der, DER_SEQUENCE, &both));
    TRY(take_part(&both, part, signature));
    TRY(take_part(&both, part, signature + part));
    TRY(view_end(&both));
    TRY(view_end(&der));
    memcpy(ret_signature, signature, 2 * part);
    return OK;
}
