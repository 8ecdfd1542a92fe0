/* The kernel's command line beside the measured one. */
#include "../../image/init/cmdline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEASURED "console=ttyS0 panic=1"
#define DEVICE   "virtio_mmio.device=512@0xfeb00e00:12"

static void takes_the_measured_text_and_devices(void **state)
{
    (void)state;
    assert_true(cmdline_is(MEASURED, MEASURED));
    assert_true(cmdline_is(MEASURED " ", MEASURED));
    assert_true(cmdline_is(MEASURED " " DEVICE, MEASURED));
    assert_true(cmdline_is(MEASURED "  " DEVICE " " DEVICE, MEASURED)); /* as QEMU does */
}

static void refuses_everything_else(void **state)
{
    static const char *const lines[] = {
        "",
        "console=ttyS0",
        "console=ttyS0 panic=10",
        MEASURED "0",
        MEASURED " init=/bin/sh",
        MEASURED " " DEVICE " random.trust_cpu=on",
        MEASURED " init=/bin/sh " DEVICE,
        MEASURED " virtio_mmio.devices=1",
        MEASURED " -- " DEVICE,
        DEVICE " " MEASURED,
        " " MEASURED,
        MEASURED "\t" DEVICE,
        MEASURED " " DEVICE "\tmitigations=off", /* one word to init, two to the kernel */
        MEASURED " " DEVICE "\nmitigations=off",
        MEASURED " " DEVICE "\xa0mitigations=off",
        MEASURED "\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_false(cmdline_is(lines[i], MEASURED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_measured_text_and_devices),
        cmocka_unit_test(refuses_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
