/* The committed text of a configuration: what PCR16 and PCR18 will hold the digest of. */
#include "config/parse.h"

#include "base/mem.h"
#include "ipld/cid.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 640
#define LINES_MAX      (CONF_ALIAS_MAX + CONF_ALLOW_MAX + CONF_PRELOAD_MAX + 64)

struct lines {
    size_t count;
    char text[LINES_MAX][LINE_MAX_BYTES];
};

static void add_line(struct lines *l, const char *key, const char *value)
{
    char *line = l->text[l->count++];
    size_t k = strlen(key), v = strlen(value);
    memcpy(line, key, k);
    memcpy(line + k, " = ", 3);
    memcpy(line + k + 3, value, v + 1);
}

/* `unit` as the reader wants it behind the number, so that the text can be read again. */
static void add_number(struct lines *l, const char *key, uint64_t n, const char *unit)
{
    char text[28];
    size_t at = sizeof(text) - 1 - strlen(unit);
    memcpy(text + at, unit, strlen(unit) + 1);
    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    add_line(l, key, text + at);
}

/* NAME CID/path, the CID in its canonical spelling. */
static void add_model(struct lines *l, const char *key, const char *name, const struct wire_model *m)
{
    char value[CONF_NAME_MAX + CID_TEXT_SIZE + MODEL_PATH_MAX + 4] = {0};
    struct cid cid = {0};
    size_t len = strlen(name);
    memcpy(value, name, len);
    if (len > 0)
        value[len++] = ' ';
    if (cid_from_bytes(view_of(m->cid, m->cid_len), &cid) == OK)
        cid_to_text(&cid, value + len);
    len = strlen(value);
    if (m->path_len > 0)
        value[len++] = '/';
    memcpy(value + len, m->path, m->path_len);
    add_line(l, key, value);
}

static void add_option(struct lines *l, const struct conf *c, const struct option *o)
{
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    memcpy(&u32, (const char *)c + o->offset, sizeof(u32));
    switch (o->type) {
    case OPTION_FLAG:
        add_line(l, o->key, u32 != 0 ? "true" : "false");
        break;
    case OPTION_NUMBER:
        add_number(l, o->key, u32, "");
        break;
    case OPTION_TIME:
        add_number(l, o->key, u32, "ms");
        break;
    case OPTION_BYTES:
        memcpy(&u64, (const char *)c + o->offset, sizeof(u64));
        add_number(l, o->key, u64, "");
        break;
    case OPTION_CHOICE:
        add_line(l, o->key, o->choices[u32]);
        break;
    case OPTION_PATH:
        add_line(l, o->key, (const char *)c + o->offset);
        break;
    case OPTION_LISTEN:
        for (uint32_t i = 0; i < c->n_listen; i++)
            add_line(l, o->key, c->listen[i].text);
        break;
    case OPTION_ADMIN:
        add_line(l, o->key, c->admin.text);
        break;
    case OPTION_ALIAS:
        for (uint32_t i = 0; i < c->n_aliases; i++)
            add_model(l, o->key, c->aliases[i].name, &c->aliases[i].model);
        break;
    case OPTION_ALLOW:
        for (uint32_t i = 0; i < c->n_allow; i++)
            add_model(l, o->key, "", &c->allow[i]);
        break;
    case OPTION_PRELOAD:
        for (uint32_t i = 0; i < c->n_preload; i++)
            add_model(l, o->key, "", &c->preload[i]);
        break;
    case OPTION_PEER: /* of this machine */
    case OPTION_SOURCE:
        break;
    case OPTION_DOMAIN:
        for (uint32_t i = 0; i < c->n_domains; i++)
            add_line(l, o->key, c->domains[i]);
        break;
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

err_t config_canonical(const struct config *c, enum option_section section, struct buf *out)
{
    AUTO_MEM struct lines *l = mem_alloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < options_count; i++)
        if (options[i].section == section && !options[i].local)
            add_option(l, &c->conf, &options[i]);
    qsort(l->text, l->count, sizeof(l->text[0]), compare);
    for (size_t i = 0; i < l->count; i++) {
        TRY(buf_put_text(out, l->text[i]));
        TRY(buf_put_u8(out, '\n'));
    }
    return OK;
}
