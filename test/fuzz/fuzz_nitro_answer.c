/* What nitro-cli printed: an id that is taken is a text that ends and is not empty. The first byte is the context id.
 */
#include "cli/nitro_answer.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view answer = view_of(data, size);
    struct why why = {0};
    char id[32] = "";
    uint8_t cid = 0;
    if (view_u8(&answer, &cid) != OK)
        return 0;
    if (nitro_answer_id(answer, cid, id, sizeof(id), &why) == OK)
        assert(strnlen(id, sizeof(id)) > 0 && strnlen(id, sizeof(id)) < sizeof(id));
    else
        assert(id[0] == '\0' && why.text[0] != '\0');
    bool runs = false;
    const char *wanted = (cid & 1) != 0 ? "i-0-enc1" : "";
    if (nitro_answer_runs(answer, wanted, "veronnx-16", &runs) != OK)
        assert(!runs);
    return 0;
}
