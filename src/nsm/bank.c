/* Extending and locking. */
#include "nsm/bank.h"

#include <string.h>

void bank_start(struct bank *b)
{
    memset(b->pcr[PCR_USER], 0, sizeof(b->pcr) - PCR_USER * sizeof(b->pcr[0]));
    b->locked = (UINT32_C(1) << PCR_USER) - 1;
}

bool bank_is_locked(const struct bank *b, unsigned index)
{
    return (b->locked >> index & 1) != 0;
}

static enum nsm_error check_open(const struct bank *b, uint16_t index)
{
    if (index >= PCR_COUNT)
        return NSM_INVALID_INDEX;
    return bank_is_locked(b, index) ? NSM_READ_ONLY_INDEX : NSM_SUCCESS;
}

enum nsm_error bank_extend(struct bank *b, uint16_t index, struct view data)
{
    enum nsm_error error = check_open(b, index);
    if (error == NSM_SUCCESS && pcr_extend(b->pcr[index], data) != OK)
        error = NSM_INTERNAL_ERROR;
    return error;
}

enum nsm_error bank_lock(struct bank *b, uint16_t index)
{
    enum nsm_error error = check_open(b, index);
    if (error == NSM_SUCCESS)
        b->locked |= UINT32_C(1) << index;
    return error;
}

enum nsm_error bank_lock_first(struct bank *b, uint16_t n)
{
    if (n > PCR_COUNT)
        return NSM_INVALID_INDEX;
    for (unsigned i = 0; i < n; i++)
        b->locked |= UINT32_C(1) << i;
    return NSM_SUCCESS;
}
