/* CPUID and XGETBV (Intel SDM volume 2A, AMD APM volume 3). */
#include "infer/isa.h"

#include "base/defs.h"

#include <cpuid.h>
#include <stdint.h>
#include <string.h>

enum cpu_register { EAX, EBX, ECX, EDX };

/* State that the kernel saves (XCR0): SSE and AVX; opmask, upper halves and upper registers of AVX-512; tiles. */
#define STATE_AVX    UINT64_C(0x6)
#define STATE_AVX512 UINT64_C(0xe6)
#define STATE_TILES  UINT64_C(0x60000)

static const struct {
    const char *name;
    unsigned leaf;
    unsigned subleaf;
    enum cpu_register reg;
    unsigned bit;
    uint64_t state;
} features[] = {
    {"avx", 1, 0, ECX, 28, STATE_AVX},
    {"fma", 1, 0, ECX, 12, STATE_AVX},
    {"avx2", 7, 0, EBX, 5, STATE_AVX},
    {"avxvnni", 7, 1, EAX, 4, STATE_AVX},
    {"avx512f", 7, 0, EBX, 16, STATE_AVX512},
    {"avx512bw", 7, 0, EBX, 30, STATE_AVX512},
    {"avx512vnni", 7, 0, ECX, 11, STATE_AVX512},
    {"avx512bf16", 7, 1, EAX, 5, STATE_AVX512},
    {"amx", 7, 0, EDX, 25, STATE_TILES},
};

/* 0 when the kernel saves nothing beyond SSE. */
static uint64_t saved_state(void)
{
    unsigned r[4] = {0};
    uint32_t low = 0, high = 0;
    if (__get_cpuid(1, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) == 0 || (r[ECX] & bit_OSXSAVE) == 0)
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

void isa_text(char ret[static ISA_TEXT_MAX])
{
    uint64_t state = saved_state();
    char *end = stpcpy(ret, "x86-64");
    for (size_t i = 0; i < COUNT_OF(features); i++) {
        unsigned r[4] = {0};
        if (__get_cpuid_count(features[i].leaf, features[i].subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) == 0)
            continue;
        if ((r[features[i].reg] >> features[i].bit & 1) == 0 || (state & features[i].state) != features[i].state)
            continue;
        if ((size_t)(end - ret) + 1 + strlen(features[i].name) < ISA_TEXT_MAX)
            end = stpcpy(stpcpy(end, "+"), features[i].name);
    }
}
