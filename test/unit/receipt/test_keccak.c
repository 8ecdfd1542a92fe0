/* Keccak-256 against published values. */
#include "receipt/keccak.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void equals(const struct view *parts, size_t n, const char *hex)
{
    uint8_t digest[KECCAK_LEN];
    char text[2 * KECCAK_LEN + 1] = "";
    keccak256(parts, n, digest);
    for (size_t i = 0; i < KECCAK_LEN; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, hex);
}

/* Well known from Ethereum: the empty text (an account without code), "abc", the fox, and the topic of ERC-20's event.
 */
static void test_published(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *hex;
    } rows[] = {
        {"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
        {"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"},
        {"The quick brown fox jumps over the lazy dog",
         "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15"},
        {"Transfer(address,address,uint256)", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct view v = view_of(rows[i].text, strlen(rows[i].text));
        equals(&v, 1, rows[i].hex);
    }
}

/* However it is cut, around the rate of 136 bytes above all. */
static void test_parts(void **state)
{
    (void)state;
    static uint8_t text[3 * 136 + 1];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= sizeof(text); len++) {
        uint8_t whole[KECCAK_LEN], cut[KECCAK_LEN];
        struct view v = view_of(text, len);
        const struct view parts[] = {view_of(text, len / 3), view_of(text, 0), view_of(text + len / 3, len - len / 3)};
        keccak256(&v, 1, whole);
        keccak256(parts, COUNT_OF(parts), cut);
        assert_memory_equal(whole, cut, KECCAK_LEN);
    }
}

/* One byte less than a block, a block, and one more: made with Python's big integers from FIPS 202,
   by code that gives hashlib's SHA3-256 with the other padding. */
static void test_blocks(void **state)
{
    (void)state;
    static uint8_t text[200];
    static const struct {
        size_t len;
        const char *hex;
    } rows[] = {
        {135, "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446"},
        {136, "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e"},
        {137, "d869f639c7046b4929fc92a4d988a8b22c55fbadb802c0c66ebcd484f1915f39"},
        {200, "96ea54061def936c4be90b518992fdc6f12f535068a256229aca54267b4d084d"},
    };
    memset(text, 0x61, sizeof(text));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct view v = view_of(text, rows[i].len);
        equals(&v, 1, rows[i].hex);
    }
}

/* OpenGradient's messages for the hashes of "input" and "output" and the time 1747000000, and a heartbeat of the node
   whose id is the hash of "key" at that time; by a second implementation. */
static void test_opengradient(void **state)
{
    (void)state;
    static const uint8_t time[32] = {[28] = 0x68, 0x21, 0x1a, 0xc0};
    uint8_t in[KECCAK_LEN], out[KECCAK_LEN], key[KECCAK_LEN];
    const struct view texts[] = {view_of("input", 5), view_of("output", 6), view_of("key", 3)};
    keccak256(&texts[0], 1, in);
    keccak256(&texts[1], 1, out);
    keccak256(&texts[2], 1, key);
    const struct view settlement[] = {view_of(in, 32), view_of(out, 32), view_of(time, 32)};
    const struct view heartbeat[] = {view_of(key, 32), view_of(time, 32)};
    equals(settlement, 3, "50ecad3e05f01c8581077733fe80af38a4c8de6b7a03161e38a4a3ec671b3cfa");
    equals(heartbeat, 2, "69b27ec9a1c4f6e91674bc3a7d8591ad1b8e12f5843986188b3c62050d3f3254");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_opengradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
