/* A nonce from a query. */
#include "front/nonce_query.h"

#include "base/text.h"

static bool decode_escape(struct view v, uint8_t *ret)
{
    return v.len >= 3 && hex_decode(view_of(v.data + 1, 2), ret, 1) == OK;
}

/* Digits are no separators, so an escape that is whole here is whole inside its name or value too. */
static bool is_form(struct view query)
{
    uint8_t c = 0;
    for (; query.len > 0; query.data++, query.len--)
        if (query.data[0] == ';' || (query.data[0] == '%' && !decode_escape(query, &c)))
            return false;
    return true;
}

/* The next character, of a text whose escapes are all whole. */
static uint8_t take(struct view *v)
{
    uint8_t c = v->data[0];
    size_t n = c == '%' && decode_escape(*v, &c) ? 3 : 1;
    v->data += n;
    v->len -= n;
    return n == 1 && c == '+' ? ' ' : c;
}

static bool decodes_to(struct view v, const char *text)
{
    for (; v.len > 0 && *text != '\0'; text++)
        if (take(&v) != (uint8_t)*text)
            return false;
    return v.len == 0 && *text == '\0';
}

static struct view find(struct view query, const char *name)
{
    while (query.len > 0) {
        struct view value = view_cut(&query, '&');
        if (decodes_to(view_cut(&value, '='), name))
            return value;
    }
    return (struct view){0};
}

const char *nonce_query(struct view query, struct wire_nonce *ret)
{
    size_t n = 0;
    *ret = (struct wire_nonce){0};
    if (!is_form(query))
        return "failed to parse POST form data";
    struct view value = find(query, "nonce");
    if (value.len == 0)
        return "could not find nonce in URL query parameters";
    for (; value.len > 0; n++) {
        uint8_t digits[2] = {take(&value)};
        uint8_t byte = 0;
        digits[1] = value.len > 0 ? take(&value) : '\0';
        if (hex_decode(view_of(digits, 2), &byte, 1) != OK)
            return "unexpected nonce format; must be 40-digit hex string";
        if (n < NONCE_MAX)
            ret->bytes[n] = byte;
    }
    if (n < NONCE_MIN || n > NONCE_MAX)
        return "slice is not of same length as nonce";
    ret->len = (uint8_t)n;
    return NULL;
}
