/* Strict recognition of UTF-8. */
#include "tensor/utf8.h"

/* RFC 3629 §4: the lead byte decides the length and the range of the second byte; the others are 80 to BF. */
static const struct {
    uint8_t lead_min, lead_max, len, second_min, second_max;
} utf8_rows[] = {
    {0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

size_t utf8_char(struct view v)
{
    uint8_t lead = v.data[0];
    size_t row = 0;
    while (row < COUNT_OF(utf8_rows) && lead > utf8_rows[row].lead_max)
        row++;
    if (row == COUNT_OF(utf8_rows) || lead < utf8_rows[row].lead_min || v.len < utf8_rows[row].len)
        return 0;
    size_t len = utf8_rows[row].len;
    if (len > 1 && (v.data[1] < utf8_rows[row].second_min || v.data[1] > utf8_rows[row].second_max))
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((v.data[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool utf8_valid(struct view v)
{
    while (v.len > 0) {
        size_t len = utf8_char(v);
        if (len == 0)
            return false;
        v = view_of(v.data + len, v.len - len);
    }
    return true;
}
