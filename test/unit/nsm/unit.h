/* What the tests of src/nsm share. */
#ifndef VERONNX_TEST_NSM_UNIT_H
#define VERONNX_TEST_NSM_UNIT_H

#include "../unit.h"
#include "base/fd.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of its own, open. */
struct folder {
    char path[256];
    int fd;
};

static inline void folder_open(struct folder *f)
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(f->path, sizeof(f->path), "%s/veronnx-nsm-XXXXXX", tmp != NULL ? tmp : P_tmpdir);
    assert_non_null(mkdtemp(f->path));
    f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(f->fd >= 0);
}

static inline void folder_remove(struct folder *f)
{
    static const char *const files[] = {"sim-root.pem", "sim-root.key", "sim-root.pem.new", "sim-root.key.new"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        (void)unlinkat(f->fd, files[i], 0);
    fd_close(&f->fd);
    assert_int_equal(rmdir(f->path), 0);
}

#endif
