/* HWCAP bits of the kernel (Documentation/arch/arm64/elf_hwcaps.rst). */
#include "infer/isa.h"

#include "base/defs.h"

#include <asm/hwcap.h>
#include <string.h>
#include <sys/auxv.h>

static const struct {
    const char *name;
    unsigned long type;
    unsigned long bit;
} features[] = {
    {"fphp", AT_HWCAP, HWCAP_FPHP},    {"dotprod", AT_HWCAP, HWCAP_ASIMDDP}, {"i8mm", AT_HWCAP2, HWCAP2_I8MM},
    {"bf16", AT_HWCAP2, HWCAP2_BF16}, {"sve", AT_HWCAP, HWCAP_SVE},
};

void isa_text(char ret[static ISA_TEXT_MAX])
{
    char *end = stpcpy(ret, "aarch64");
    for (size_t i = 0; i < COUNT_OF(features); i++)
        if ((getauxval(features[i].type) & features[i].bit) != 0)
            end = stpcpy(stpcpy(end, "+"), features[i].name);
}
