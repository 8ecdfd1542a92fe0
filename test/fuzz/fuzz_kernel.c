/* A kernel's file: what is read of it lies inside, and a release is a word. */
#include "eif/kernel.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kernel k = {0};
    struct why why = {0};
    if (kernel_read(view_of(data, size), &k, &why) != OK) {
        assert(why.text[0] != '\0');
        return 0;
    }
    assert(k.release.len <= KERNEL_RELEASE_MAX && (k.arch == EIF_X86_64 || k.release.len == 0));
    assert(k.release.len == 0 || (k.release.data >= data && k.release.data + k.release.len < data + size));
    for (size_t i = 0; i < k.release.len; i++)
        assert(k.release.data[i] > ' ' && k.release.data[i] < 0x7f && strchr("\"\\{}%", k.release.data[i]) == NULL);
    return 0;
}
