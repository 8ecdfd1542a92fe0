/* Ramdisks: cpio archives of the newc form (Documentation/driver-api/early-userspace/buffer-format.rst), which the
   kernel unpacks into its first root file system. A header of 110 characters (magic "070701" and thirteen numbers of
   eight hex digits), the name with a NUL, the data; name and data each padded to a multiple of 4; an entry named
   TRAILER!!! ends it.
 */
#ifndef VERONNX_EIF_CPIO_H
#define VERONNX_EIF_CPIO_H

#include "base/buf.h"

#define CPIO_HEADER_LEN 110
#define CPIO_ALIGN      4
#define CPIO_NAME_MAX   4096 /* with the NUL: the kernel passes over what is longer */
#define CPIO_TRAILER    "TRAILER!!!"

/* ── reading ── */

/* Views are borrowed from the archive. */
struct cpio_entry {
    struct view path; /* the name without "/" and "./" in front of it; empty: the root itself */
    uint32_t ino;
    uint32_t mode; /* as in st_mode; the type is one of the seven */
    uint32_t uid;
    uint32_t gid;
    uint32_t nlink;
    uint32_t mtime;
    uint32_t device_major; /* of a device */
    uint32_t device_minor;
    struct view data; /* of a regular file, the target of a symbolic link; else empty */
    unsigned archive; /* 0 is the first: after a trailer and zeros the kernel goes on with another one */
};

struct cpio_reader {
    struct view whole;
    size_t at;
    unsigned archive;
    bool inside; /* an archive that has not ended */
};

struct cpio_reader cpio_reader_on(struct view bytes);
/* The next entry that is not a trailer; `ret_more` false: there is none. ERR_CPIO_MALFORMED, and `why` names the byte:
   numbers that are no hex digits, a name without its NUL or with another one, empty, with ".." or an empty part,
   padding that is not zero, data where none can be, a missing trailer, anything but archives and zeros. */
err_t cpio_next(struct cpio_reader *r, struct cpio_entry *ret, bool *ret_more, struct why *why);

/* ── writing ── */

struct cpio_sink {
    void *user;
    err_t (*put)(void *user, struct view bytes);
};

/* Owner, group and times are 0, inode numbers count from 1, modes are those below: the bytes depend on the tree alone.
 */
struct cpio_writer {
    struct cpio_sink sink;
    uint32_t ino;
    uint64_t left;  /* of the file that was begun */
    size_t padding; /* behind it */
};

struct cpio_writer cpio_writer_on(struct cpio_sink sink);
/* Names have no "/" in front. ERR_TOO_LARGE: a name of CPIO_NAME_MAX or more, a file of 4 GiB; and the sink's errors.
 */
err_t cpio_put_directory(struct cpio_writer *w, const char *name);                                   /* 0755 */
err_t cpio_put_symlink(struct cpio_writer *w, const char *name, struct view target);                 /* 0777 */
err_t cpio_put_char_device(struct cpio_writer *w, const char *name, unsigned major, unsigned minor); /* 0600 */
/* 0755 or 0644; exactly `size` bytes of data follow. */
err_t cpio_begin_file(struct cpio_writer *w, const char *name, bool executable, uint64_t size);
err_t cpio_put_data(struct cpio_writer *w, struct view bytes);
/* The trailer. */
err_t cpio_put_end(struct cpio_writer *w);

/* ── a tree of files ── */

#define CPIO_TREE_DEPTH 32

/* A file of the host under a name, read through `fd`. ERR_IO when its size changes meanwhile. */
err_t cpio_put_open_file(struct cpio_writer *w, const char *name, int fd, struct why *why);
/* All that is in the directory `fd`, names in the order of their bytes, a directory before its content. Of the modes
   only the owner's right to execute a file counts. ERR_USAGE, with the name in `why`, for what is not a file, a
   directory or a symbolic link, has a set-user-ID or set-group-ID bit, or lies deeper than CPIO_TREE_DEPTH. */
err_t cpio_put_tree(struct cpio_writer *w, int fd, struct why *why);

#endif
