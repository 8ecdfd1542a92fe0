/* A log record from a hostile process or, with its time, from a hostile enclave: what is printed is one line of printable ASCII. The first byte says
   whose it is, the last eight when. */
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_record r;
    char line[LOG_LINE_MAX];
    uint64_t wall_us = 0;
    if (size != 1 + sizeof(r) + sizeof(wall_us))
        return 0;
    memcpy(&r, data + 1, sizeof(r));
    memcpy(&wall_us, data + 1 + sizeof(r), sizeof(wall_us));
    if (log_format(&r, (enum role)(data[0] % ROLE_COUNT_), wall_us, line) != OK)
        return 0;
    size_t n = strnlen(line, sizeof(line));
    if (n == sizeof(line))
        abort();
    for (size_t i = 0; i < n; i++)
        if (line[i] < 0x20 || line[i] > 0x7e)
            abort();
    return 0;
}
