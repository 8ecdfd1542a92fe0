/* What the tests of src/nsm share. */
#ifndef VERONNX_TEST_NSM_UNIT_H
#define VERONNX_TEST_NSM_UNIT_H

#include "base/fd.h"
#include "base/text.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define assert_ok(call) assert_err(call, OK)
#define assert_err(call, code)                                                                                         \
    do {                                                                                                               \
        err_t got_ = (call);                                                                                           \
        if (got_ != (code))                                                                                            \
            fail_msg("%s: %s, wanted %s", #call, err_name(got_), err_name(code));                                      \
    } while (0)

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
