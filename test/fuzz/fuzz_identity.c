/* A node's identity as a hostile writer could leave it: changes of four bytes to a good one, each an offset and a
   value. Whatever is mapped has lengths that lie inside, a name that ends, and results that a running node can have. */
#include "base/buf.h"
#include "base/mem.h"
#include "wire/identity.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct identity make(struct view in)
{
    struct identity i = {.kind = 2,
                         .module_id = "sim-",
                         .certificate_len = 1,
                         .keyset_len = 1,
                         .rsa_len = 1,
                         .document_len = 1,
                         .chain_len = 1};
    uint32_t at = 0, value = 0;
    memset(i.checks, CHECK_HOLDS, sizeof(i.checks));
    while (view_u32le(&in, &at) == OK && view_u32le(&in, &value) == OK)
        memcpy((uint8_t *)&i + at % (sizeof(i) / 4) * 4, &value, 4);
    return i;
}

static void check(const struct identity *i)
{
    const uint8_t *end = (const uint8_t *)(i + 1);
    const struct view parts[] = {identity_certificate(i), identity_keyset(i), identity_rsa(i), identity_document(i),
                                 identity_chain(i)};
    for (size_t n = 0; n < COUNT_OF(parts); n++)
        if (parts[n].len == 0 || parts[n].data + parts[n].len > end)
            abort();
    if (strnlen(i->module_id, sizeof(i->module_id)) == sizeof(i->module_id))
        abort();
    for (size_t n = 0; n < CHECKS_; n++)
        if (i->checks[n] >= CHECK_RESULTS_)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct identity i = make(view_of(data, size));
    const struct identity *got = NULL;
    AUTO(map_done) struct map m = {0};
    AUTO_FD int fd = -1;
    if (identity_seal(&i, &fd) != OK)
        abort();
    if (identity_map(fd, &m, &got) == OK)
        check(got);
    return 0;
}
