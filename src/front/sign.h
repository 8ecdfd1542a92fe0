/* TLS signatures from the keeper, over CHAN_SIGN. */
#ifndef VERONNX_FRONT_SIGN_H
#define VERONNX_FRONT_SIGN_H

#include "wire/frame.h"

#define SIGN_TEXT_MAX 160 /* of TLS_SIGN */
#define SIGNATURE_MAX 80  /* of TLS_SIGNATURE: ECDSA over P-256 in DER needs 72 */
#define SIGN_WAIT_MS  100

/* One thread; asks one thing at a time. */
struct signer {
    struct wire_end end;
    struct wire_inbox inbox;
    unsigned wait_ms;    /* for an answer: SIGN_WAIT_MS once there are clients that could have to wait behind it */
    uint32_t id;         /* of the last question */
    uint64_t resting_ms; /* until then nothing is asked, because the keeper was silent */
};

/* Takes the descriptor of the channel (side a). */
err_t signer_init(struct signer *s, struct wire_end *end);
/* Closes; accepts a zeroed struct. */
void signer_done(struct signer *s);

/* Has `text` signed. Waits at most wait_ms, then ERR_KEEPER_BUSY; after that it is ERR_KEEPER_BUSY at once for as
   long again, so that a silent keeper cannot take all of the loop's time. ERR_PROTOCOL: an answer nobody asked for. */
err_t signer_sign(struct signer *s, struct view text, uint8_t ret_signature[static SIGNATURE_MAX], size_t *ret_len);

#endif
