/* Folders of models served by name. */
#include "cli/alias_file.h"

#include "base/fd.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/output.h"
#include "ipld/model_id.h"
#include "wire/delivery.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX    ".onnx"
#define DEPTH_MAX 8

void alias_list_free(struct alias_list **l)
{
    for (size_t i = 0; *l != NULL && i < (*l)->count; i++)
        mem_free((*l)->items[i].path);
    mem_free(*l);
}

/* ── names ── */

/* What stands behind the last slash, which is cut off; the whole when there is none. */
static struct view cut_last(struct view *path)
{
    size_t at = path->len;
    while (at > 0 && path->data[at - 1] != '/')
        at--;
    struct view last = view_of(path->data + at, path->len - at);
    path->len = at > 0 ? at - 1 : 0;
    return last;
}

static err_t check_name(struct view name, struct why *why)
{
    struct model_id id;
    if (name.len >= CONF_NAME_MAX || conf_name_len(name) != name.len)
        return why_set(why, ERR_USAGE, "a name has letters, digits and ._-/ (at most %d)", CONF_NAME_MAX - 1);
    if (model_id_parse(name, &id, NULL) == OK)
        return why_set(why, ERR_USAGE, "a name must not be a CID itself");
    return OK;
}

static void set_name(struct view name, char ret[static CONF_NAME_MAX])
{
    memset(ret, 0, CONF_NAME_MAX);
    memcpy(ret, name.data, name.len);
}

err_t alias_name(struct view path, char ret[static CONF_NAME_MAX], uint64_t *ret_version, struct why *why)
{
    struct view name = view_of(path.data, path.len - strlen(SUFFIX));
    struct view above = name;
    uint64_t version = 0;
    const struct view last = cut_last(&above);
    if (view_is(last, "model") && above.len > 0) {
        name = above;
        if (text_u64(cut_last(&above), UINT64_MAX, &version) == OK && version > 0)
            name = above.len > 0 ? above : last;
    }
    TRY(check_name(name, why));
    set_name(name, ret);
    *ret_version = version;
    return OK;
}

/* ── files ── */

static err_t blame(err_t e, const char *what, const char *path, struct why *why)
{
    return why_set(why, e, "%s: %s", what, path);
}

static bool ends_in_onnx(const char *path)
{
    size_t n = strlen(path);
    return n > strlen(SUFFIX) && strcmp(path + n - strlen(SUFFIX), SUFFIX) == 0;
}

/* `below`: what of the path the name is made of. */
static err_t add_file(const char *path, const char *below, struct alias_list *l, struct why *why)
{
    struct why said = {0};
    if (!ends_in_onnx(below))
        return blame(ERR_MODEL_ID_INVALID, "the name of a model's file ends in " SUFFIX, path, why);
    if (l->count == COUNT_OF(l->items))
        return blame(ERR_TOO_LARGE, "more models than can have a name", path, why);
    struct alias_item *item = &l->items[l->count];
    if (alias_name(view_of(below, strlen(below)), item->name, &item->version, &said) != OK)
        return blame(ERR_MODEL_ID_INVALID, said.text, path, why);
    item->path = mem_copy(path, strlen(path) + 1);
    if (item->path == NULL)
        return ERR_NOMEM;
    l->count++;
    return OK;
}

static err_t walk(struct buf *path, size_t root, unsigned depth, struct alias_list *l, struct why *why);

/* `path` ends with a NUL. */
static err_t visit(struct buf *path, size_t root, unsigned depth, struct alias_list *l, struct why *why)
{
    const char *text = (const char *)path->data;
    struct stat st;
    if (stat(text, &st) != 0)
        return blame(ERR_IO, strerrordesc_np(errno), text, why);
    if (S_ISDIR(st.st_mode))
        return depth < DEPTH_MAX ? walk(path, root, depth + 1, l, why)
                                 : blame(ERR_TOO_LARGE, "a folder too deep inside others", text, why);
    return ends_in_onnx(text) ? add_file(text, text + root, l, why) : OK;
}

static bool passed_over(const char *name)
{
    return name[0] == '.' || strcmp(name, "lost+found") == 0;
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        (void)closedir(*folder);
}

/* The path of a folder, without a NUL and as it was again at the end; `root`: how much of it was given. */
static err_t walk_open(struct buf *path, size_t root, unsigned depth, DIR *folder, struct alias_list *l,
                       struct why *why)
{
    const size_t len = path->len;
    for (;; path->len = len) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL)
            return errno == 0 ? OK : why_set(why, ERR_IO, "%s", strerrordesc_np(errno));
        if (passed_over(entry->d_name))
            continue;
        TRY(buf_printf(path, "/%s%c", entry->d_name, '\0'));
        TRY(visit(path, root, depth, l, why));
    }
}

/* `path` ends with a NUL, which goes. */
static err_t walk(struct buf *path, size_t root, unsigned depth, struct alias_list *l, struct why *why)
{
    AUTO(close_folder) DIR *folder = opendir((const char *)path->data);
    if (folder == NULL)
        return blame(ERR_IO, strerrordesc_np(errno), (const char *)path->data, why);
    path->len--;
    return walk_open(path, root, depth, folder, l, why);
}

err_t alias_find(const char *path, struct alias_list *l, struct why *why)
{
    AUTO_BUF struct buf text = BUF_WITH(4096);
    const char *slash = strrchr(path, '/');
    struct stat st;
    if (stat(path, &st) != 0)
        return blame(ERR_IO, strerrordesc_np(errno), path, why);
    if (!S_ISDIR(st.st_mode))
        return add_file(path, slash != NULL ? slash + 1 : path, l, why);
    TRY(buf_put(&text, path, strlen(path) + 1));
    return walk(&text, strlen(path) + 1, 0, l, why);
}

/* ── all of them ── */

/* The highest version of a name comes first. */
static int compare(const void *left, const void *right)
{
    const struct alias_item *a = left, *b = right;
    int names = strcmp(a->name, b->name);
    return names != 0 ? names : (a->version < b->version) - (a->version > b->version);
}

static bool same_name(const struct alias_item *a, const struct alias_item *b)
{
    return strcmp(a->name, b->name) == 0;
}

/* Only versions may share a name. */
static err_t check_twins(const struct alias_list *l, struct why *why)
{
    for (size_t i = 1; i < l->count; i++) {
        const struct alias_item *item = &l->items[i], *before = item - 1;
        if (same_name(item, before) && (item->version == 0 || item->version == before->version))
            return why_set(why, ERR_MODEL_ID_INVALID, "two files for the name %.64s: %s", item->name, item->path);
    }
    return OK;
}

static void keep_highest(struct alias_list *l)
{
    size_t kept = 1;
    for (size_t i = 1; i < l->count; i++) {
        if (same_name(&l->items[i], &l->items[kept - 1]))
            mem_free(l->items[i].path);
        else
            l->items[kept++] = l->items[i];
    }
    l->count = kept;
}

err_t alias_settle(struct alias_list *l, const char *only, struct why *why)
{
    if (l->count == 0)
        return why_set(why, ERR_MODEL_NOT_FOUND, "no *" SUFFIX " file is there");
    qsort(l->items, l->count, sizeof(l->items[0]), compare);
    TRY(check_twins(l, why));
    keep_highest(l);
    if (only == NULL || l->count > 1)
        return OK;
    TRY(command_blame("--name", check_name(view_of(only, strlen(only)), why), why));
    set_name(view_of(only, strlen(only)), l->items[0].name);
    return OK;
}

static err_t put_all(const struct alias_list *l, struct buf *out)
{
    char cid[CID_TEXT_SIZE];
    TRY(buf_put_text(out, "# veronnx add --alias-file: names of models, each pinned to its CID\n[policy]\n"));
    for (size_t i = 0; i < l->count; i++) {
        cid_to_text(&l->items[i].cid, cid);
        TRY(buf_printf(out, "alias = %s %s\n", l->items[i].name, cid));
    }
    return OK;
}

static bool says_already(const char *file, const struct buf *text)
{
    AUTO_BUF struct buf old = BUF_WITH(DELIVERY_TEXT_MAX + 1);
    return access(file, F_OK) == 0 && file_read(file, &old, NULL) == OK && view_equal(buf_view(&old), buf_view(text));
}

err_t alias_write(const struct alias_list *l, const char *file, struct why *why)
{
    AUTO_BUF struct buf text = BUF_WITH(DELIVERY_TEXT_MAX);
    AUTO(output_done) struct output out = OUTPUT_NONE;
    err_t e = put_all(l, &text);
    if (e == ERR_TOO_LARGE)
        return why_set(why, ERR_TOO_LARGE, "the names need more than %zu bytes: %s", DELIVERY_TEXT_MAX, file);
    TRY(e);
    if (says_already(file, &text))
        return OK;
    TRY(output_open(file, &out, why));
    if (fd_write_all(out.fd, text.data, text.len) != OK)
        return blame(ERR_IO, strerrordesc_np(errno), file, why);
    return output_commit(&out, why);
}
