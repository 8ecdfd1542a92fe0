/* The one operation on a register. */
#include "attest/pcr.h"

err_t pcr_extend(uint8_t pcr[static PCR_LEN], struct view data)
{
    const struct view parts[] = {view_of(pcr, PCR_LEN), data};
    return sha384_of(parts, COUNT_OF(parts), pcr);
}

bool pcr_is_zero(const uint8_t pcr[static PCR_LEN])
{
    uint8_t any = 0;
    for (size_t i = 0; i < PCR_LEN; i++)
        any |= pcr[i];
    return any == 0;
}
