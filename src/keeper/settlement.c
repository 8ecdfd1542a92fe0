/* Hashes of Ethereum's kind, with a prefix that nothing else of OpenGradient's has. */
#include "keeper/settlement.h"

#include "base/sha256.h"
#include "receipt/keccak.h"

#include <string.h>

_Static_assert(KECCAK_LEN == DIGEST_LEN, "hashes are digests");

static const char in_prefix[] = "veronnx-og-1/in";
static const char out_prefix[] = "veronnx-og-1/out";

static struct view digest_of(const uint8_t digest[static DIGEST_LEN])
{
    return view_of(digest, DIGEST_LEN);
}

err_t settlement_fill(const struct statement *s, const uint8_t receipt[static DIGEST_LEN], struct msg_settlement *ret)
{
    uint8_t nonce[DIGEST_LEN];
    TRY(sha256_of(s->nonce.data, s->nonce.len, nonce));
    const struct view in[] = {view_of(in_prefix, sizeof(in_prefix) - 1), digest_of(s->model),
                              digest_of(s->input.tensors), digest_of(nonce)};
    const struct view out[] = {view_of(out_prefix, sizeof(out_prefix) - 1), digest_of(s->output.tensors),
                               digest_of(receipt)};
    *ret = (struct msg_settlement){.job = s->job, .timestamp = s->end_us / 1000000};
    keccak256(in, COUNT_OF(in), ret->input_hash);
    keccak256(out, COUNT_OF(out), ret->output_hash);
    return OK;
}

/* A uint256, big-endian. */
static void put_number(uint64_t n, uint8_t ret[static 32])
{
    memset(ret, 0, 32);
    for (unsigned i = 0; i < sizeof(n); i++)
        ret[31 - i] = (uint8_t)(n >> (8 * i));
}

err_t settlement_sign(struct keys *k, struct msg_settlement *s)
{
    uint8_t number[32], message[KECCAK_LEN];
    put_number(s->timestamp, number);
    const struct view parts[] = {digest_of(s->input_hash), digest_of(s->output_hash), digest_of(number)};
    keccak256(parts, COUNT_OF(parts), message);
    return keys_sign_settlement(k, message, s->signature);
}

err_t settlement_heartbeat(struct keys *k, uint64_t now_s, struct msg_heartbeat *ret)
{
    uint8_t number[32], message[KECCAK_LEN];
    const struct view spki = view_of(k->rsa_spki, k->rsa_spki_len);
    ret->timestamp = now_s - HEARTBEAT_BACK_S;
    keccak256(&spki, 1, ret->tee_id);
    put_number(ret->timestamp, number);
    const struct view parts[] = {digest_of(ret->tee_id), digest_of(number)};
    keccak256(parts, COUNT_OF(parts), message);
    return keys_sign_settlement(k, message, ret->signature);
}
