/* Block files. */
#include "store/store.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TMP_DIR     "tmp"
#define TMP_MAX_AGE 3600 /* seconds */
#define TMP_RANDOM  16
#define NAME_LEN    (3 + HEX_LEN(SHA256_LEN))
#define TMP_LEN     (sizeof(TMP_DIR) + HEX_LEN(TMP_RANDOM))

static void block_name(const uint8_t *digest, char name[static NAME_LEN + 1])
{
    hex_encode(digest, SHA256_LEN, name + 3);
    name[0] = name[3];
    name[1] = name[4];
    name[2] = '/';
}

/* ── opening ── */

static err_t open_failed(const char *path, struct why *why)
{
    int os_error = errno;
    if (os_error == ENOENT || os_error == ENOTDIR)
        return why_set(why, ERR_NOT_FOUND, "%s: no such folder", path);
    return why_set(why, err_errno(), "%s: %s", path, strerrordesc_np(os_error));
}

err_t store_open(const char *path, struct store *ret, struct why *why)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return open_failed(path, why);
    *ret = (struct store){dir};
    return OK;
}

/* mkdir -p */
static int make_folders(const char *path)
{
    char part[4096];
    size_t len = strlen(path);
    if (len >= sizeof(part)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

/* Only what has a name of ours: the folder may hold what somebody else put there. */
static void remove_if_old(int dir, const char *name, time_t now)
{
    struct stat st;
    uint8_t random[TMP_RANDOM];
    if (hex_decode(view_of(name, strlen(name)), random, sizeof(random)) != OK)
        return;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_mtime < now - TMP_MAX_AGE)
        (void)unlinkat(dir, name, 0);
}

static err_t sweep_tmp(const struct store *s)
{
    AUTO_FD int fd = openat(s->dir, TMP_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_errno();
    DIR *dir = fdopendir(fd);
    if (dir == NULL)
        return err_errno();
    int dir_fd = TAKE_FD(fd);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        remove_if_old(dir_fd, entry->d_name, time(NULL));
    (void)closedir(dir);
    return OK;
}

err_t store_create(const char *path, struct store *ret, struct why *why)
{
    AUTO(store_done) struct store s = STORE_NONE;
    if (make_folders(path) != 0)
        return open_failed(path, why);
    TRY(store_open(path, &s, why));
    if ((mkdirat(s.dir, TMP_DIR, 0777) != 0 && errno != EEXIST) || sweep_tmp(&s) != OK)
        return open_failed(path, why);
    *ret = (struct store){TAKE_FD(s.dir)};
    return OK;
}

void store_done(struct store *s)
{
    fd_close(&s->dir);
}

/* ── reading ── */

/* O_NONBLOCK: a FIFO in the place of a file must not stop us. */
static err_t open_block(const struct store *s, const char *name, int *ret_fd, size_t *ret_size)
{
    struct stat st;
    AUTO_FD int fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : err_errno();
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
        return ERR_IO;
    if (st.st_size > (off_t)STORE_BLOCK_MAX)
        return ERR_BLOCK_TOO_LARGE;
    *ret_fd = TAKE_FD(fd);
    *ret_size = (size_t)st.st_size;
    return OK;
}

err_t store_find(const struct store *s, const uint8_t digest[static SHA256_LEN], int *ret_fd, size_t *ret_size)
{
    char name[NAME_LEN + 1];
    block_name(digest, name);
    return open_block(s, name, ret_fd, ret_size);
}

err_t store_get(const struct store *s, const uint8_t digest[static SHA256_LEN], struct buf *out)
{
    AUTO_FD int fd = -1;
    uint8_t *room = NULL;
    size_t size = 0;
    TRY(store_find(s, digest, &fd, &size));
    TRY(buf_reserve(out, size, &room));
    err_t e = fd_read_all(fd, room, size);
    if (e != OK)
        return e == ERR_TRUNCATED ? ERR_IO : e;
    buf_commit(out, size);
    return OK;
}

/* ── writing ── */

/* A process id would not do: it may be that of a writer that died. */
static err_t tmp_name(char name[static TMP_LEN + 1])
{
    uint8_t random[TMP_RANDOM];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return err_errno();
    memcpy(name, TMP_DIR "/", sizeof(TMP_DIR));
    hex_encode(random, sizeof(random), name + sizeof(TMP_DIR));
    return OK;
}

static bool holds(const struct store *s, const uint8_t *digest, struct view block)
{
    AUTO_BUF struct buf there = {.max = STORE_BLOCK_MAX};
    return store_get(s, digest, &there) == OK && view_equal(buf_view(&there), block);
}

/* A short write leaves errno as it was, and says that there is no space. */
static err_t write_parts(int fd, const struct iovec *parts, unsigned n_parts)
{
    size_t all = 0;
    for (unsigned i = 0; i < n_parts; i++)
        all += parts[i].iov_len;
    ssize_t n = writev(fd, parts, (int)n_parts);
    if (n >= 0 && (size_t)n < all)
        errno = ENOSPC;
    return n >= 0 && (size_t)n == all ? OK : err_errno();
}

static err_t write_tmp(const struct store *s, const char *tmp, const struct iovec *parts, unsigned n_parts, bool sync)
{
    AUTO_FD int fd = openat(s->dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_errno();
    TRY(write_parts(fd, parts, n_parts));
    return !sync || fdatasync(fd) == 0 ? OK : err_errno();
}

static err_t publish(const struct store *s, const char *tmp, const char *name)
{
    const char folder[] = {name[0], name[1], '\0'};
    if (renameat(s->dir, tmp, s->dir, name) == 0)
        return OK;
    if (errno != ENOENT || (mkdirat(s->dir, folder, 0777) != 0 && errno != EEXIST))
        return err_errno();
    return renameat(s->dir, tmp, s->dir, name) == 0 ? OK : err_errno();
}

static err_t put_parts(const struct store *s, const uint8_t *digest, const struct iovec *parts, unsigned n_parts,
                       bool sync)
{
    char name[NAME_LEN + 1], tmp[TMP_LEN + 1];
    block_name(digest, name);
    TRY(tmp_name(tmp));
    err_t e = write_tmp(s, tmp, parts, n_parts, sync);
    if (e == OK)
        e = publish(s, tmp, name);
    if (e != OK) {
        int os_error = errno;
        (void)unlinkat(s->dir, tmp, 0);
        errno = os_error;
    }
    return e;
}

err_t store_put(const struct store *s, const uint8_t digest[static SHA256_LEN], struct view block)
{
    struct iovec part = {(void *)(uintptr_t)block.data, block.len};
    if (block.len > STORE_BLOCK_MAX)
        return ERR_BLOCK_TOO_LARGE;
    return holds(s, digest, block) ? OK : put_parts(s, digest, &part, 1, true);
}

err_t store_put_fast(const struct store *s, const uint8_t digest[static SHA256_LEN], const struct iovec *parts,
                     unsigned n_parts)
{
    return put_parts(s, digest, parts, n_parts, false);
}

err_t store_remove(const struct store *s, const uint8_t digest[static SHA256_LEN])
{
    char name[NAME_LEN + 1];
    block_name(digest, name);
    const char folder[] = {name[0], name[1], '\0'};
    AUTO_FD int fd = openat(s->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && unlinkat(fd, name + sizeof(folder), 0) == 0)
        return OK;
    return errno == ENOENT ? OK : err_errno();
}

/* ── default ── */

err_t store_default_path(char *ret_path, size_t size)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n = -1;
    if (data != NULL && data[0] == '/')
        n = snprintf(ret_path, size, "%s/veronnx/store", data);
    else if (home != NULL && home[0] == '/')
        n = snprintf(ret_path, size, "%s/.local/share/veronnx/store", home);
    return n > 0 && (size_t)n < size ? OK : ERR_USAGE;
}
