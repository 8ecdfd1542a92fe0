/* From options to sources, and requests. */
#include "fetch/source.h"

#include "base/fd.h"
#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_MAX 4096

/* How something is asked for: what stands before and behind the CID. */
struct form {
    const char *before;
    const char *behind;
    const char *accept;
    bool post;
};
static const struct form block_forms[SOURCE_KINDS_] = {
    [SOURCE_GATEWAY] = {"/ipfs/", "?format=raw", "Accept: application/vnd.ipld.raw", false},
    [SOURCE_KUBO] = {"/api/v0/block/get?arg=", "", "Accept: */*", true},
    [SOURCE_FILES] = {"/", "", "Accept: */*", false},
};
/* A block that stands at several places is wanted once, so it need not come twice. */
static const struct form archive_forms[SOURCE_KINDS_] = {
    [SOURCE_GATEWAY] = {"/ipfs/", "?format=car&car-version=1&car-order=dfs&car-dups=n&dag-scope=entity",
                        "Accept: application/vnd.ipld.car; version=1; order=dfs; dups=n", false},
    [SOURCE_KUBO] = {"/api/v0/dag/export?arg=", "&progress=false", "Accept: */*", true},
};

/* ── credentials ── */

static struct view first_line(struct view text)
{
    size_t n = 0;
    while (n < text.len && text.data[n] != '\n' && text.data[n] != '\r')
        n++;
    return view_of(text.data, n);
}

/* All of it: nothing but ends of lines may stand behind the first line. */
static bool is_one_line(struct view text, struct view line)
{
    for (size_t i = line.len; i < text.len; i++)
        if (text.data[i] != '\n' && text.data[i] != '\r')
            return false;
    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] < ' ' || line.data[i] > '~')
            return false;
    return line.len > 0 && line.data[0] != ' ' && line.data[line.len - 1] != ' ';
}

err_t source_authorization(struct view text, struct buf *out)
{
    struct view line = first_line(text);
    if (!is_one_line(text, line))
        return ERR_USAGE;
    TRY(buf_put_text(out, "Authorization: "));
    if (memchr(line.data, ' ', line.len) == NULL)
        TRY(buf_put_text(out, "Bearer "));
    TRY(buf_put_view(out, line));
    return buf_put_u8(out, '\0');
}

/* To its end, or one byte further than it may be long: a pipe gives it in parts. */
static err_t read_token(const char *path, struct secret *ret, size_t *ret_len, struct why *why)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    TRY(secret_init(ret, TOKEN_MAX + 1));
    size_t len = 0;
    ssize_t n = fd < 0 ? -1 : read(fd, ret->data, TOKEN_MAX + 1);
    for (; n > 0; n = read(fd, ret->data + len, TOKEN_MAX + 1 - len))
        len += (size_t)n;
    if (n < 0)
        return why_set(why, ERR_NOT_FOUND, "token file: %s: %s", path, strerrordesc_np(errno));
    if (len > TOKEN_MAX)
        return why_set(why, ERR_USAGE, "token file: over %d bytes: %s", TOKEN_MAX, path);
    *ret_len = len;
    return OK;
}

static err_t add_field(struct source *s, const char *field)
{
    TRY(http_field(&s->fields, field));
    return s->archive_fields != NULL ? http_field(&s->archive_fields, field) : OK;
}

/* libcurl keeps a copy of its own; ours is wiped. */
static err_t add_credentials(struct source *s, const char *path, struct why *why)
{
    AUTO(secret_done) struct secret token = {0};
    AUTO_BUF struct buf field = {.max = TOKEN_MAX + 32};
    size_t len = 0;
    TRY(read_token(path, &token, &len, why));
    if (source_authorization(view_of(token.data, len), &field) != OK)
        return why_set(why, ERR_USAGE, "token file: one line of printable characters: %s", path);
    err_t e = add_field(s, (const char *)field.data);
    secret_wipe(field.data, field.len);
    return e;
}

/* ── opening ── */

static err_t open_url(struct source *s, const struct fetch_source *o, struct why *why)
{
    size_t n = strlen(o->value);
    assert(n < sizeof(s->url));
    while (n > 0 && o->value[n - 1] == '/')
        n--;
    memcpy(s->url, o->value, n);
    TRY(http_field(&s->fields, block_forms[s->kind].accept));
    if (archive_forms[s->kind].accept != NULL)
        TRY(http_field(&s->archive_fields, archive_forms[s->kind].accept));
    return o->token_file != NULL ? add_credentials(s, o->token_file, why) : OK;
}

void sources_done(struct sources *s)
{
    for (; s->n > 0; s->n--) {
        struct source *source = &s->list[s->n - 1];
        store_done(&source->store);
        http_fields_free(&source->fields);
        http_fields_free(&source->archive_fields);
    }
}

err_t sources_open(const struct fetch_options *o, struct sources *ret, struct why *why)
{
    AUTO(sources_done) struct sources all = {.n = 0};
    while (all.n < o->n_sources) {
        const struct fetch_source *from = &o->sources[all.n];
        struct source *s = &all.list[all.n++];
        *s = (struct source){.number = (uint32_t)all.n, .kind = from->kind, .store = STORE_NONE, .health = HEALTH_NEW};
        if (from->kind == SOURCE_STORE)
            TRY(store_open(from->value, &s->store, why));
        else
            TRY(open_url(s, from, why));
    }
    *ret = all;
    all.n = 0;
    return OK;
}

/* ── requests ── */

static void make_request(const struct source *s, const struct form *form, const struct cid *cid,
                         char ret_url[static SOURCE_REQUEST_MAX], struct http_request *ret)
{
    char text[CID_TEXT_SIZE];
    cid_to_text(cid, text);
    int n = snprintf(ret_url, SOURCE_REQUEST_MAX, "%s%s%s%s", s->url, form->before, text, form->behind);
    assert(n > 0 && n < SOURCE_REQUEST_MAX);
    *ret = (struct http_request){.url = ret_url, .post = form->post};
}

void source_request(const struct source *s, const struct cid *cid, char ret_url[static SOURCE_REQUEST_MAX],
                    struct http_request *ret)
{
    make_request(s, &block_forms[s->kind], cid, ret_url, ret);
    ret->fields = s->fields;
    ret->body_max = STORE_BLOCK_MAX;
}

void source_archive_request(const struct source *s, const struct cid *cid, char ret_url[static SOURCE_REQUEST_MAX],
                            struct http_request *ret)
{
    make_request(s, &archive_forms[s->kind], cid, ret_url, ret);
    ret->fields = s->archive_fields;
    ret->body_max = UINT64_MAX;
}
