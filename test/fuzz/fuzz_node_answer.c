/* What a node answers to `veronnx verify`: document, identity and signing key stay inside their buffers, and what is no
 * answer says so. */
#include "cli/attested.h"

#include <assert.h>

#define PART_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view answer = view_of(data, size);
    AUTO_BUF struct buf der = BUF_WITH(PART_MAX);
    AUTO(attested_done)
    struct attested a = {.document = BUF_WITH(PART_MAX),
                         .keyset = BUF_WITH(PART_MAX),
                         .configuration = BUF_WITH(PART_MAX),
                         .policy = BUF_WITH(PART_MAX)};
    err_t e = attested_read_document(answer, &a.document);
    assert(a.document.len <= PART_MAX && (e != OK || a.document.len <= size));
    e = attested_read_identity(answer, &a);
    assert(a.keyset.len <= PART_MAX && a.configuration.len <= PART_MAX && a.policy.len <= PART_MAX);
    assert(e != OK || (size > 0 && a.keyset.len + a.configuration.len + a.policy.len < size));
    e = attested_read_key(answer, &der);
    assert(der.len <= PART_MAX && (e == OK) == (der.len > 0));
    return 0;
}
