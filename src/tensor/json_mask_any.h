/* Included by json_mask.h: any machine. */

static inline struct json_masks json_masks(const uint8_t block[static 64])
{
    struct json_masks m = {0};
    for (int at = 0; at < 64; at++) {
        uint64_t bit = 1ULL << at;
        m.quote |= block[at] == '"' ? bit : 0;
        m.backslash |= block[at] == '\\' ? bit : 0;
        m.open |= block[at] == '[' || block[at] == '{' ? bit : 0;
        m.close |= block[at] == ']' || block[at] == '}' ? bit : 0;
    }
    return m;
}
