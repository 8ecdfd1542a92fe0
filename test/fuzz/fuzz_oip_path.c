/* A path names a part of itself, and a decoded name is not longer than it was. */
#include "front/oip_path.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t name[64];
    size_t len = 0;
    const struct oip_path p = oip_path_parse(view_of(data, size));
    if (p.name.len > 0 && (p.name.data < data || p.name.data + p.name.len > data + size))
        abort();
    if (p.version.data != NULL && (p.version.len == 0 || p.version.data + p.version.len > data + size))
        abort();
    if (percent_decode(p.name, name, sizeof(name), &len) == OK && (len > p.name.len || len > sizeof(name)))
        abort();
    return 0;
}
