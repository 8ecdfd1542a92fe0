/* veronnx image: the table of what it does, and the registers. */
#include "cli/cmd_image.h"

#include "base/text.h"
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static const char image_help[] =
    "Usage: veronnx image build --kernel FILE --cmdline TEXT --init FILE --root DIR --out FILE.eif [--metadata JSON]\n"
    "       veronnx image pcrs FILE.eif\n"
    "       veronnx image inspect FILE.eif\n"
    "\n"
    "build    makes an enclave image. The same inputs make the same bytes, wherever and whenever. Prints its "
    "registers.\n"
    "  --kernel FILE    a bzImage (x86_64) or an uncompressed Image (aarch64)\n"
    "  --cmdline TEXT   the kernel's command line: printable ASCII, at most 2047 characters\n"
    "  --init FILE      the first program: /init of ramdisk 0, beside /dev/console\n"
    "  --root DIR       all that is in it is ramdisk 1, unpacked into the same root; owners, times and modes are not\n"
    "                   taken over, only whether a file can be executed\n"
    "  --out FILE.eif   appears when it is whole, and not before\n"
    "  --metadata JSON  an object (or @FILE with one) of at most 4096 bytes for CustomMetadata; no register covers it\n"
    "pcrs     checks an image and prints its registers as nitro-cli does\n"
    "inspect  checks an image and prints its sections, the files of its ramdisks, and a warning for whatever the\n"
    "         registers do not cover or leave open\n"
    "\n"
    "What went wrong stands on standard error as CODE: reason; for an image the reason begins with the rule it "
    "breaks.\n"
    "Exit status: 0 done, 1 not an image that would boot as measured, 2 wrong usage.\n";

/* ── files ── */

static err_t no_file(const char *path, struct why *why)
{
    int os_error = errno;
    return why_set(why, ERR_USAGE, "%s: %s", strerrordesc_np(os_error), path);
}

err_t image_map_fd(int fd, const char *path, struct map *ret, struct why *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return no_file(path, why);
    if (!S_ISREG(st.st_mode))
        return why_set(why, ERR_USAGE, "not a file: %s", path);
    if (st.st_size == 0)
        return why_set(why, ERR_USAGE, "is empty: %s", path);
    return map_shared(fd, (size_t)st.st_size, PROT_READ, ret);
}

err_t image_map(const char *path, struct map *ret, struct why *why)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 ? image_map_fd(fd, path, ret, why) : no_file(path, why);
}

/* ── registers ── */

static void print_pcr(const char *name, const uint8_t pcr[static PCR_LEN])
{
    char digits[HEX_LEN(PCR_LEN) + 1];
    hex_encode(pcr, PCR_LEN, digits);
    (void)printf(",\n    \"%s\": \"%s\"", name, digits);
}

void image_print_pcrs(const struct eif *e)
{
    (void)fputs("{\n  \"Measurements\": {\n    \"HashAlgorithm\": \"Sha384 { ... }\"", stdout);
    print_pcr("PCR0", e->pcr[0]);
    print_pcr("PCR1", e->pcr[1]);
    print_pcr("PCR2", e->pcr[2]);
    if (e->is_signed)
        print_pcr("PCR8", e->signature.pcr8);
    (void)fputs("\n  }\n}\n", stdout);
}

static err_t image_pcrs(int argc, char **argv, struct why *why)
{
    AUTO(map_done) struct map file = {0};
    struct eif e = {0};
    if (argc != 2)
        return why_set(why, ERR_USAGE, "pcrs: exactly one FILE.eif is needed (see --help)");
    TRY(image_map(argv[1], &file, why));
    TRY(eif_read(image_bytes(&file), &e, why));
    image_print_pcrs(&e);
    return OK;
}

static err_t image_usage(UNUSED int argc, UNUSED char **argv, UNUSED struct why *why)
{
    (void)fputs(image_help, stdout);
    return OK;
}

static const struct {
    const char *name;
    err_t (*run)(int argc, char **argv, struct why *why);
} actions[] = {
    {"build", image_build},  {"pcrs", image_pcrs}, {"inspect", image_inspect},
    {"--help", image_usage}, {"-h", image_usage},
};

int cmd_image(int argc, char **argv)
{
    struct why why = {""};
    err_t e = why_set(&why, ERR_USAGE, "build, pcrs or inspect is needed (see --help)");
    const char *action = argc > 2 && command_asks_for_help(argv[2]) ? argv[2] : argv[1];
    for (size_t i = 0; argc > 1 && i < COUNT_OF(actions); i++)
        if (strcmp(action, actions[i].name) == 0) {
            why = (struct why){""};
            e = actions[i].run(argc - 1, argv + 1, &why);
        }
    if (fflush(stdout) != 0 && e == OK)
        e = why_set(&why, ERR_IO, "standard output cannot be written");
    return command_end_coded("image", e, &why);
}
