/* Files of the host as entries of an archive. */
#include "eif/cpio.h"

#include "base/fd.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE     (256 * KIB)
#define NAMES_MAX     (16 * MIB) /* of one directory */
#define HAS_SET_ID(m) (((m) & (S_ISUID | S_ISGID)) != 0)

static void dir_close(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

static err_t failed(const char *name, struct why *why)
{
    int os_error = errno;
    return why_set(why, ERR_IO, "%s: %s", strerrordesc_np(os_error), name);
}

/* ── files ── */

static err_t copy(struct cpio_writer *w, int fd, uint64_t size)
{
    AUTO_MEM uint8_t *bytes = mem_alloc(1, READ_SIZE);
    if (bytes == NULL)
        return ERR_NOMEM;
    for (uint64_t at = 0; at < size;) {
        size_t n = MIN(READ_SIZE, size - at);
        TRY(fd_read_at(fd, at, bytes, n));
        TRY(cpio_put_data(w, view_of(bytes, n)));
        at += n;
    }
    return OK;
}

err_t cpio_put_open_file(struct cpio_writer *w, const char *name, int fd, struct why *why)
{
    struct stat st, after;
    if (fstat(fd, &st) != 0)
        return failed(name, why);
    if (HAS_SET_ID(st.st_mode))
        return why_set(why, ERR_USAGE, "has a set-user-ID or set-group-ID bit: %s", name);
    TRY(cpio_begin_file(w, name, (st.st_mode & S_IXUSR) != 0, (uint64_t)st.st_size));
    err_t e = copy(w, fd, (uint64_t)st.st_size);
    if (e == ERR_TRUNCATED || (e == OK && (fstat(fd, &after) != 0 || after.st_size != st.st_size)))
        return why_set(why, ERR_IO, "changed while it was read: %s", name);
    return e;
}

/* ── directories ── */

/* Where the walk is: the path below the tree's root, NUL-terminated. */
struct walk {
    struct cpio_writer *w;
    char path[CPIO_NAME_MAX];
    size_t len;
    unsigned depth;
    struct why *why;
};

static err_t put_directory(struct walk *walk, int fd);

static err_t put_link(struct walk *walk, int dir, const char *name)
{
    char target[CPIO_NAME_MAX];
    ssize_t n = readlinkat(dir, name, target, sizeof(target));
    if (n < 0)
        return failed(walk->path, walk->why);
    return cpio_put_symlink(walk->w, walk->path, view_of(target, (size_t)n));
}

static err_t put_entry_named(struct walk *walk, int dir, const char *name)
{
    struct stat st;
    if (strcmp(walk->path, CPIO_TRAILER) == 0)
        return why_set(walk->why, ERR_USAGE, "a name that would end the archive: %s", walk->path);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return failed(walk->path, walk->why);
    if (S_ISLNK(st.st_mode))
        return put_link(walk, dir, name);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return why_set(walk->why, ERR_USAGE, "not a file, a directory or a symbolic link: %s", walk->path);
    AUTO_FD int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return failed(walk->path, walk->why);
    if (S_ISREG(st.st_mode))
        return cpio_put_open_file(walk->w, walk->path, fd, walk->why);
    if (HAS_SET_ID(st.st_mode))
        return why_set(walk->why, ERR_USAGE, "has a set-user-ID or set-group-ID bit: %s", walk->path);
    TRY(cpio_put_directory(walk->w, walk->path));
    return put_directory(walk, fd);
}

/* Appends a name to the path for as long as its entry is put. */
static err_t put_entry(struct walk *walk, int dir, const char *name)
{
    size_t before = walk->len, n = strlen(name);
    if (before + 1 + n >= sizeof(walk->path))
        return why_set(walk->why, ERR_USAGE, "a path of %zu bytes or more", sizeof(walk->path));
    if (before > 0)
        walk->path[walk->len++] = '/';
    memcpy(walk->path + walk->len, name, n + 1);
    walk->len += n;
    err_t e = put_entry_named(walk, dir, name);
    walk->len = before;
    walk->path[before] = '\0';
    return e;
}

/* A stream of the directory with a descriptor of its own; NULL, and errno. */
static DIR *open_stream(int fd)
{
    AUTO_FD int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own >= 0 ? fdopendir(own) : NULL;
    if (dir != NULL)
        (void)TAKE_FD(own);
    return dir;
}

/* All names but "." and "..", each with its NUL; their number. */
static err_t list_names(int fd, struct buf *names, size_t *ret_n)
{
    AUTO(dir_close) DIR *dir = open_stream(fd);
    size_t n = 0;
    if (dir == NULL)
        return ERR_IO;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL)
            break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        TRY(buf_put(names, entry->d_name, strlen(entry->d_name) + 1));
        n++;
    }
    *ret_n = n;
    return errno == 0 ? OK : ERR_IO;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static err_t put_directory(struct walk *walk, int fd)
{
    AUTO_BUF struct buf names = BUF_WITH(NAMES_MAX);
    size_t n = 0;
    if (walk->depth == CPIO_TREE_DEPTH)
        return why_set(walk->why, ERR_USAGE, "more than %d directories in each other: %s", CPIO_TREE_DEPTH, walk->path);
    err_t e = list_names(fd, &names, &n);
    if (e != OK)
        return e == ERR_IO ? failed(walk->path, walk->why) : e;
    AUTO_MEM const char **sorted = mem_alloc(MAX(n, 1), sizeof(*sorted));
    if (sorted == NULL)
        return ERR_NOMEM;
    const char *name = (const char *)names.data;
    for (size_t i = 0; i < n; i++, name += strlen(name) + 1)
        sorted[i] = name;
    qsort(sorted, n, sizeof(*sorted), compare);
    walk->depth++;
    for (size_t i = 0; i < n; i++)
        TRY(put_entry(walk, fd, sorted[i]));
    walk->depth--;
    return OK;
}

err_t cpio_put_tree(struct cpio_writer *w, int fd, struct why *why)
{
    struct walk walk = {.w = w, .why = why};
    return put_directory(&walk, fd);
}
