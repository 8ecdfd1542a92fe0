/* veronnx: hands over to veronnx-super (`veronnx serve`), veronnx-host (`veronnx host --...`) or veronnx-cli (all other
   commands), which stand beside it or, in an installed tree, in ../libexec/veronnx. */
#include "base/defs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 4096

static bool wants_help(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* The command line explains `serve`, and has `host run` and what belongs to it. */
static const char *program_of(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "serve") == 0 && !wants_help(argc, argv))
        return "veronnx-super";
    bool host = argc > 1 && strcmp(argv[1], "host") == 0 && (argc == 2 || argv[2][0] == '-');
    return host ? "veronnx-host" : "veronnx-cli";
}

/* The folder of this executable, with its closing slash. */
static int own_folder(char *ret, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", ret, size - 1);
    if (n <= 0)
        return -1;
    ret[n] = '\0';
    char *slash = strrchr(ret, '/');
    if (slash == NULL)
        return -1;
    slash[1] = '\0';
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const places[] = {"", "../libexec/veronnx/"};
    char folder[PATH_BYTES], path[PATH_BYTES + 64];
    const char *program = program_of(argc, argv);
    bool all = strcmp(program, "veronnx-cli") == 0; /* it finds its command itself */
    if (own_folder(folder, sizeof(folder)) != 0)
        return 1;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        (void)snprintf(path, sizeof(path), "%s%s%s", folder, places[i], program);
        (void)execv(path, all ? argv : argv + 1);
        if (errno != ENOENT)
            break;
    }
    (void)fprintf(stderr, "veronnx: cannot start %s: %s\n", path, strerror(errno));
    return 1;
}
