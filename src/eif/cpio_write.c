/* Entries of an archive, in their one form. */
#include "eif/cpio.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The header's numbers, in its order. */
struct fields {
    uint32_t ino;
    uint32_t mode;
    uint32_t nlink;
    uint32_t size;
    uint32_t device_major;
    uint32_t device_minor;
};

static size_t padding_of(uint64_t n)
{
    return (size_t)(-n % CPIO_ALIGN);
}

struct cpio_writer cpio_writer_on(struct cpio_sink sink)
{
    return (struct cpio_writer){.sink = sink};
}

static err_t put(const struct cpio_writer *w, struct view bytes)
{
    return w->sink.put(w->sink.user, bytes);
}

static err_t pad(const struct cpio_writer *w, size_t n)
{
    static const uint8_t zeros[CPIO_ALIGN];
    return n > 0 ? put(w, view_of(zeros, n)) : OK;
}

static err_t put_head(const struct cpio_writer *w, const char *name, const struct fields *f)
{
    char head[CPIO_HEADER_LEN + 1];
    size_t size = strlen(name) + 1;
    if (size > CPIO_NAME_MAX)
        return ERR_TOO_LARGE;
    assert(w->left == 0);
    (void)snprintf(head, sizeof(head), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", f->ino, f->mode, 0,
                   0, f->nlink, 0, f->size, 0, 0, f->device_major, f->device_minor, (unsigned)size, 0);
    TRY(put(w, view_of(head, CPIO_HEADER_LEN)));
    TRY(put(w, view_of(name, size)));
    return pad(w, padding_of(CPIO_HEADER_LEN + size));
}

err_t cpio_put_directory(struct cpio_writer *w, const char *name)
{
    return put_head(w, name, &(struct fields){.ino = ++w->ino, .mode = S_IFDIR | 0755, .nlink = 2});
}

err_t cpio_put_symlink(struct cpio_writer *w, const char *name, struct view target)
{
    if (target.len >= CPIO_NAME_MAX)
        return ERR_TOO_LARGE;
    TRY(put_head(w, name,
                 &(struct fields){.ino = ++w->ino, .mode = S_IFLNK | 0777, .nlink = 1, .size = (uint32_t)target.len}));
    TRY(put(w, target));
    return pad(w, padding_of(target.len));
}

err_t cpio_put_char_device(struct cpio_writer *w, const char *name, unsigned major, unsigned minor)
{
    return put_head(
        w, name,
        &(struct fields){
            .ino = ++w->ino, .mode = S_IFCHR | 0600, .nlink = 1, .device_major = major, .device_minor = minor});
}

err_t cpio_begin_file(struct cpio_writer *w, const char *name, bool executable, uint64_t size)
{
    if (size > UINT32_MAX)
        return ERR_TOO_LARGE;
    TRY(put_head(
        w, name,
        &(struct fields){
            .ino = ++w->ino, .mode = S_IFREG | (executable ? 0755 : 0644), .nlink = 1, .size = (uint32_t)size}));
    w->left = size;
    w->padding = padding_of(size);
    return OK;
}

err_t cpio_put_data(struct cpio_writer *w, struct view bytes)
{
    assert(bytes.len <= w->left);
    TRY(put(w, bytes));
    w->left -= bytes.len;
    if (w->left > 0)
        return OK;
    TRY(pad(w, w->padding));
    w->padding = 0;
    return OK;
}

err_t cpio_put_end(struct cpio_writer *w)
{
    return put_head(w, CPIO_TRAILER, &(struct fields){.nlink = 1});
}
