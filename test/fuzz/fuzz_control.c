/* Commands to veronnx-host: what is accepted names a row that there is and an address that leads to an enclave. */
#include "host/control.h"

#include <assert.h>
#include <string.h>

#define ROWS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address to;
    size_t row = ROWS;
    if (control_parse(view_of(data, size), ROWS, &row, &to) != OK)
        return 0;
    assert(row < ROWS && address_fits(&to) && address_is_local(&to));
    assert(size == 2 + strlen(to.text) && data[0] == '0' + row && memcmp(data + 2, to.text, size - 2) == 0);
    return 0;
}
