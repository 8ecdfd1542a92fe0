/* The files of a run folder: whatever is in them, texts end, counts and states are in range. */
#include "cli/host_folder.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENDS(text) (strnlen(text, sizeof(text)) < sizeof(text))

static void check_side(const struct host_side *s)
{
    assert(s->n_public <= HOST_PUBLIC_MAX && ENDS(s->admin) && ENDS(s->probe) && ENDS(s->probe_admin));
    assert(ENDS(s->settings.qemu) && ENDS(s->settings.reach));
    for (size_t i = 0; i < s->n_public; i++)
        assert(ENDS(s->public_url[i]));
}

static void check_enclave(const struct enclave *e)
{
    assert(e->state < ENCLAVE_STATES_ && ENDS(e->id) && ENDS(e->image));
    for (size_t i = 0; i < ENCLAVE_PCRS; i++)
        assert(ENDS(e->pcr[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host_side side;
    struct enclave enclave;
    memset(&side, 0xff, sizeof(side));
    memset(&enclave, 0xff, sizeof(enclave));
    err_t a = host_side_parse(view_of(data, size), &side);
    err_t b = enclave_parse(view_of(data, size), &enclave);
    assert(a == b);
    if (a != OK)
        return 0;
    check_side(&side);
    check_enclave(&enclave);
    return 0;
}
