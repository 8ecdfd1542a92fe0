/* An enclave's sign of life: what is posted is the answer, one object on one line, with the contract's address at its
 * end. */
#include "base/mem.h"
#include "host/heartbeat.h"

#include <assert.h>
#include <string.h>

#define CONTRACT "0x4e72238852f3c918f4E4e57AeC9280dDB0c80248"
#define TAIL     ",\"contractAddress\":\"" CONTRACT "\"}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char answer[HEARTBEAT_ANSWER_MAX + 1] = "", text[HEARTBEAT_ANSWER_MAX];
    memcpy(answer, data, MIN(size, HEARTBEAT_ANSWER_MAX));
    if (heartbeat_compose(answer, CONTRACT, text, sizeof(text)) != OK)
        return 0;
    size_t len = strnlen(text, sizeof(text));
    assert(len < sizeof(text) && len > strlen(TAIL) && strcmp(text + len - strlen(TAIL), TAIL) == 0);
    assert(memcmp(text, answer, len - strlen(TAIL)) == 0 && text[0] == '{');
    for (size_t i = 0; i < len; i++)
        assert(text[i] >= ' ' && text[i] <= '~');
    return 0;
}
