/* Writing a settlement. */
#include "front/settlement.h"

#include "receipt/keccak.h"

#include <stdio.h>
#include <string.h>

err_t settlement_pack(const struct identity *i, const struct msg_settlement *s,
                      char ret_text[static SETTLEMENT_TEXT_MAX + 1])
{
    const struct view rsa = identity_rsa(i);
    uint8_t id[KECCAK_LEN];
    char tee_id[HEX_LEN(sizeof(id)) + 1], input[HEX_LEN(DIGEST_LEN) + 1], output[HEX_LEN(DIGEST_LEN) + 1];
    char signature[BASE64_LEN(RSA_SIGNATURE) + 1];
    char json[SETTLEMENT_JSON_MAX + 1];
    keccak256(&rsa, 1, id);
    hex_encode(id, sizeof(id), tee_id);
    hex_encode(s->input_hash, DIGEST_LEN, input);
    hex_encode(s->output_hash, DIGEST_LEN, output);
    base64_encode(s->signature, RSA_SIGNATURE, signature);
    int n = snprintf(json, sizeof(json),
                     "{\"tee_id\":\"0x%s\",\"input_hash\":\"%s\",\"output_hash\":\"%s\",\"tee_signature\":\"%s\","
                     "\"tee_timestamp\":%llu}",
                     tee_id, input, output, signature, (unsigned long long)s->timestamp);
    if (n < 0 || (size_t)n >= sizeof(json))
        return ERR_TOO_LARGE;
    base64_encode(json, (size_t)n, ret_text);
    return OK;
}
