/* Addresses: what is accepted keeps its text, fits a socket's address and is accepted again. */
#include "wire/address.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_address(struct view text, enum address_use use)
{
    struct address a, again;
    char greeting[ADDRESS_GREETING_MAX];
    if (address_parse(text, use, &a) != OK)
        return;
    assert(address_fits(&a) && view_is(text, a.text));
    assert(address_greeting(&a, greeting) < sizeof(greeting));
    assert(address_parse(view_of(a.text, strlen(a.text)), use, &again) == OK && memcmp(&a, &again, sizeof(a)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_address(view_of(data, size), ADDRESS_LISTEN);
    read_address(view_of(data, size), ADDRESS_CONNECT);
    return 0;
}
