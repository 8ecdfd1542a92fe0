/* Keccak-f[1600] (FIPS 202 §3) and the sponge around it. */
#include "receipt/keccak.h"

#define LANES  25
#define ROUNDS 24
#define RATE   136 /* bytes: 1,600 bits less twice the digest's */

static const uint64_t round_constants[ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* rho and pi walk through the lanes in one cycle: where it goes, and by how much each turns. */
static const uint8_t walk[LANES - 1] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                        15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
static const uint8_t turns[LANES - 1] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                         27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};

static uint64_t turn(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void theta(uint64_t a[static LANES])
{
    uint64_t c[5];
    for (unsigned x = 0; x < 5; x++)
        c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (unsigned i = 0; i < LANES; i++)
        a[i] ^= c[(i + 4) % 5] ^ turn(c[(i + 1) % 5], 1);
}

static void rho_pi(uint64_t a[static LANES])
{
    uint64_t carried = a[1];
    for (unsigned i = 0; i < LANES - 1; i++) {
        uint64_t next = a[walk[i]];
        a[walk[i]] = turn(carried, turns[i]);
        carried = next;
    }
}

static void chi(uint64_t a[static LANES])
{
    for (unsigned y = 0; y < LANES; y += 5) {
        const uint64_t row[5] = {a[y], a[y + 1], a[y + 2], a[y + 3], a[y + 4]};
        for (unsigned x = 0; x < 5; x++)
            a[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
}

static void permute(uint64_t a[static LANES])
{
    for (unsigned r = 0; r < ROUNDS; r++) {
        theta(a);
        rho_pi(a);
        chi(a);
        a[0] ^= round_constants[r];
    }
}

/* Byte `at` of the state, whose lanes are little-endian. */
static void add_byte(uint64_t a[static LANES], size_t at, uint8_t byte)
{
    a[at / 8] ^= (uint64_t)byte << (8 * (at % 8));
}

void keccak256(const struct view *parts, size_t n, uint8_t ret_digest[static KECCAK_LEN])
{
    uint64_t a[LANES] = {0};
    size_t at = 0;
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i < parts[p].len; i++) {
            add_byte(a, at++, parts[p].data[i]);
            if (at == RATE) {
                permute(a);
                at = 0;
            }
        }
    add_byte(a, at, 0x01);
    add_byte(a, RATE - 1, 0x80);
    permute(a);
    for (size_t i = 0; i < KECCAK_LEN; i++)
        ret_digest[i] = (uint8_t)(a[i / 8] >> (8 * (i % 8)));
}
