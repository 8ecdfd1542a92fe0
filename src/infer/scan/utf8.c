/* UTF-8 by the table of the standard: what the first byte asks of the ones behind it. */
#include "infer/scan/utf8.h"

#include <string.h>

static const struct utf8_row {
    uint8_t first_min, first_max;
    uint8_t second_min, second_max; /* all further bytes: 80 to bf */
    uint8_t length;
} utf8_rows[] = {
    {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static const struct utf8_row *utf8_row_of(uint8_t first)
{
    for (size_t i = 0; i < COUNT_OF(utf8_rows); i++)
        if (first >= utf8_rows[i].first_min && first <= utf8_rows[i].first_max)
            return &utf8_rows[i];
    return NULL;
}

/* Bytes of the character at the front, or 0. */
static size_t utf8_step(struct view v)
{
    const struct utf8_row *row = utf8_row_of(v.data[0]);

    if (row == NULL || row->length > v.len)
        return 0;
    if (row->length > 1 && (v.data[1] < row->second_min || v.data[1] > row->second_max))
        return 0;
    for (size_t i = 2; i < row->length; i++)
        if (v.data[i] < 0x80 || v.data[i] > 0xbf)
            return 0;
    return row->length;
}

bool utf8_is_text(struct view v)
{
    while (v.len > 0) {
        size_t length = utf8_step(v);
        struct view taken = {0};

        if (length == 0 || view_take(&v, length, &taken) != OK)
            return false;
    }
    return true;
}
