/* Strict recognition of UTF-8. */
#include "base/utf8.h"

#include <string.h>

/* RFC 3629 §4: the first byte decides how many there are and the range of the second; the others are 80 to bf. What
   has no row begins no character. */
static const struct {
    uint8_t len, second_min, second_max;
} utf8_rows[256] = {
    [0x00 ... 0x7f] = {1, 0x00, 0x00}, [0xc2 ... 0xdf] = {2, 0x80, 0xbf}, [0xe0] = {3, 0xa0, 0xbf},
    [0xe1 ... 0xec] = {3, 0x80, 0xbf}, [0xed] = {3, 0x80, 0x9f},          [0xee ... 0xef] = {3, 0x80, 0xbf},
    [0xf0] = {4, 0x90, 0xbf},          [0xf1 ... 0xf3] = {4, 0x80, 0xbf}, [0xf4] = {4, 0x80, 0x8f},
};

size_t utf8_char(struct view v)
{
    size_t len = utf8_rows[v.data[0]].len;
    if (len < 2)
        return len;
    if (len > v.len || v.data[1] < utf8_rows[v.data[0]].second_min || v.data[1] > utf8_rows[v.data[0]].second_max)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((v.data[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* How many bytes of ASCII stand in front. */
static size_t ascii_len(struct view v)
{
    uint64_t block[4];
    size_t n = 0;
    for (; n + sizeof(block) <= v.len; n += sizeof(block)) {
        memcpy(block, v.data + n, sizeof(block));
        if (((block[0] | block[1] | block[2] | block[3]) & 0x8080808080808080) != 0)
            break;
    }
    while (n < v.len && v.data[n] < 0x80)
        n++;
    return n;
}

bool utf8_valid(struct view v)
{
    while (v.len > 0) {
        size_t len = v.data[0] < 0x80 ? ascii_len(v) : utf8_char(v);
        if (len == 0)
            return false;
        v = view_of(v.data + len, v.len - len);
    }
    return true;
}
