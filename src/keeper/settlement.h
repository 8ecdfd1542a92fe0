/* What OpenGradient's contracts check about an answer (docs/receipts.md, "Settlement"): two hashes, a time, and the RSA
   key's signature over them. Every byte comes from a statement. */
#ifndef VERONNX_KEEPER_SETTLEMENT_H
#define VERONNX_KEEPER_SETTLEMENT_H

#include "keeper/keys.h"
#include "receipt/statement.h"

/* All but the signature, from a statement and its receipt digest. */
err_t settlement_fill(const struct statement *s, const uint8_t receipt[static DIGEST_LEN], struct msg_settlement *ret);
/* Slow: half a millisecond and more. ERR_OVERLOADED as keys_sign_settlement. */
err_t settlement_sign(struct keys *k, struct msg_settlement *s);

/* All but the request: that this node lives, at `now_s` of Unix time less HEARTBEAT_BACK_S, because a chain's clock may be
   behind and it takes none from its future. */
#define HEARTBEAT_BACK_S 300 /* ERR_OVERLOADED as above */
err_t settlement_heartbeat(struct keys *k, uint64_t now_s, struct msg_heartbeat *ret);

#endif
