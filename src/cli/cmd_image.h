/* veronnx image: enclave images, made, measured and looked at. */
#ifndef VERONNX_CLI_CMD_IMAGE_H
#define VERONNX_CLI_CMD_IMAGE_H

#include "base/fd.h"
#include "eif/eif.h"

/* argv[0] is "image", argv[1] what is done. Returns the exit status: 0 done, 1 not, 2 wrong usage. */
int cmd_image(int argc, char **argv);

/* ── what its parts share; argv[0] is what is done ── */

err_t image_build(int argc, char **argv, struct why *why);
err_t image_inspect(int argc, char **argv, struct why *why);

/* A whole file, mapped, not copied. ERR_USAGE when there is none; it must not shrink meanwhile. */
err_t image_map(const char *path, struct map *ret, struct why *why);
/* The same with an open one, which `path` only names. */
err_t image_map_fd(int fd, const char *path, struct map *ret, struct why *why);

static inline struct view image_bytes(const struct map *m)
{
    return view_of(m->addr, m->size);
}

/* The registers on standard output, as `nitro-cli describe-eif` prints them. */
void image_print_pcrs(const struct eif *e);

#endif
