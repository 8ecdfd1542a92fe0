/* A query is either refused with a sentence or has a nonce within its bounds. */
#include "front/nonce_query.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_nonce nonce;
    const char *wrong = nonce_query(view_of(data, size), &nonce);
    if (wrong != NULL ? strlen(wrong) == 0 || nonce.len != 0 : nonce.len < NONCE_MIN || nonce.len > NONCE_MAX)
        abort();
    return 0;
}
