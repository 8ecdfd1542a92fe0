/* A log record from a hostile process: what is printed is one line of printable ASCII. The first byte says whose it is. */
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_record r;
    char line[LOG_LINE_MAX];
    if (size != 1 + sizeof(r))
        return 0;
    memcpy(&r, data + 1, sizeof(r));
    if (log_format(&r, (enum role)(data[0] % ROLE_COUNT_), 0, line) != OK)
        return 0;
    size_t n = strnlen(line, sizeof(line));
    if (n == sizeof(line))
        abort();
    for (size_t i = 0; i < n; i++)
        if (line[i] < 0x20 || line[i] > 0x7e)
            abort();
    return 0;
}
