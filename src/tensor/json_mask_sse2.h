/* Included by json_mask.h: x86-64, which always has SSE2. */
#include <emmintrin.h>

static inline uint64_t json_mask_bits(__m128i equal)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(equal);
}

static inline struct json_masks json_masks(const uint8_t block[static 64])
{
    struct json_masks m = {0};
    for (int at = 0; at < 64; at += 16) {
        __m128i bytes = _mm_loadu_si128((const void *)(block + at));
        /* [ and {, ] and } differ in one bit; \ becomes |, which is none of them. */
        __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        m.quote |= json_mask_bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))) << at;
        m.backslash |= json_mask_bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))) << at;
        m.open |= json_mask_bits(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{'))) << at;
        m.close |= json_mask_bits(_mm_cmpeq_epi8(folded, _mm_set1_epi8('}'))) << at;
    }
    return m;
}
