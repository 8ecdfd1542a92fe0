/* Registers out of JSON: those that are taken are different ones, and PCR0 to PCR2 are among them. */
#include "cli/pcrs.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pcrs p;
    struct why why = {0};
    uint64_t seen = 0;
    err_t e = pcrs_read(view_of(data, size), &p, &why);
    assert((e == OK) == (why.text[0] == '\0'));
    if (e != OK)
        return 0;
    assert(p.n >= 3 && p.n <= PCRS_MAX);
    for (size_t i = 0; i < p.n; i++) {
        assert(p.items[i].index < PCRS_MAX && (seen >> p.items[i].index & 1) == 0);
        seen |= UINT64_C(1) << p.items[i].index;
    }
    assert((seen & 7) == 7);
    return 0;
}
