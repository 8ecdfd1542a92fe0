/* Archives: entries lie in the input one behind the other, and what is read can be written and read again. */
#include "eif/cpio.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#define AGAIN_MAX (4 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static err_t collect(void *user, struct view bytes)
{
    return buf_put_view(user, bytes);
}

/* Everything but a regular file and a link becomes a directory. */
static void put(struct cpio_writer *w, const struct cpio_entry *e, const char *name)
{
    err_t result = OK;
    if (S_ISREG(e->mode)) {
        result = cpio_begin_file(w, name, (e->mode & S_IXUSR) != 0, e->data.len);
        if (result == OK)
            result = cpio_put_data(w, e->data);
    } else if (S_ISLNK(e->mode)) {
        result = cpio_put_symlink(w, name, e->data);
    } else {
        result = cpio_put_directory(w, name);
    }
    assert(result == OK);
}

static void put_and_read(const struct cpio_entry *e)
{
    char name[CPIO_NAME_MAX] = "";
    AUTO_BUF struct buf again = BUF_WITH(AGAIN_MAX);
    struct cpio_writer w = cpio_writer_on((struct cpio_sink){&again, collect});
    struct cpio_entry copy;
    bool more = false;
    memcpy(name, e->path.data, e->path.len);
    if (e->path.len == 0 || strcmp(name, CPIO_TRAILER) == 0)
        return;
    put(&w, e, name);
    assert(cpio_put_end(&w) == OK);
    struct cpio_reader r = cpio_reader_on(buf_view(&again));
    assert(cpio_next(&r, &copy, &more, NULL) == OK && more);
    assert(view_equal(copy.path, e->path) && view_equal(copy.data, e->data));
    assert(cpio_next(&r, &copy, &more, NULL) == OK && !more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cpio_reader r = cpio_reader_on(view_of(data, size));
    struct cpio_entry e;
    struct why why = {""};
    const uint8_t *end = data;
    bool more = true;
    err_t result = OK;
    while ((result = cpio_next(&r, &e, &more, &why)) == OK && more) {
        assert(e.path.data >= end + CPIO_HEADER_LEN && e.path.len < CPIO_NAME_MAX);
        assert(e.data.data >= e.path.data + e.path.len && e.data.data + e.data.len <= data + size);
        end = e.data.data + e.data.len;
        put_and_read(&e);
    }
    assert(result == OK || strncmp(why.text, "cpio: ", 6) == 0);
    return 0;
}
