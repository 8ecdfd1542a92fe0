/* traceparent = version "-" trace-id "-" parent-id "-" flags, in lower-case hex (W3C Trace Context, §3.2). */
#include "front/trace.h"

#include "base/text.h"

#include <endian.h>
#include <string.h>

#define TRACE_AT  3
#define PARENT_AT 36
#define FLAGS_AT  53

static bool is_hex(const uint8_t *text, size_t n, bool *ret_zero)
{
    *ret_zero = true;
    for (size_t i = 0; i < n; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
        *ret_zero = *ret_zero && text[i] == '0';
    }
    return true;
}

/* A later version may have more behind the flags. */
static bool is_wellformed(struct view v)
{
    bool zero = false, no_trace = true, no_parent = true;
    if (v.len < TRACE_LEN || v.data[2] != '-' || v.data[PARENT_AT - 1] != '-' || v.data[FLAGS_AT - 1] != '-')
        return false;
    if (!is_hex(v.data, 2, &zero) || memcmp(v.data, "ff", 2) == 0)
        return false;
    if (v.len > TRACE_LEN && (zero || v.data[TRACE_LEN] != '-'))
        return false;
    return is_hex(v.data + TRACE_AT, 32, &no_trace) && !no_trace && is_hex(v.data + PARENT_AT, 16, &no_parent) &&
           !no_parent && is_hex(v.data + FLAGS_AT, 2, &zero);
}

bool trace_answer(struct view field, uint64_t id, char ret_text[static TRACE_LEN])
{
    char digits[HEX_LEN(sizeof(id)) + 1];
    if (field.data == NULL || !is_wellformed(field))
        return false;
    id = htobe64(id);
    hex_encode(&id, sizeof(id), digits);
    memcpy(ret_text, field.data, TRACE_LEN);
    memcpy(ret_text, "00", 2);
    memcpy(ret_text + PARENT_AT, digits, sizeof(digits) - 1);
    return true;
}
