/* Keys, values and the file. */
#include "config/parse.h"

#include "config/value.h"
#include "wire/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(c, o) ((char *)&(c)->conf + (o)->offset)

/* ── one value ── */

static err_t refuse(const char *form, struct why *why)
{
    return why_set(why, ERR_USAGE, "must be %s", form);
}

static err_t check_range(const struct option *o, uint64_t n, struct why *why)
{
    if (n >= o->min && n <= o->max)
        return OK;
    return why_set(why, ERR_USAGE, "must be from %" PRIu64 " to %" PRIu64, o->min, o->max);
}

static err_t put_u32(struct config *c, const struct option *o, uint64_t n, struct why *why)
{
    uint32_t narrow = (uint32_t)n;
    TRY(check_range(o, n, why));
    memcpy(AT(c, o), &narrow, sizeof(narrow));
    return OK;
}

static err_t set_flag(struct config *c, const struct option *o, struct view v, struct why *why)
{
    if (!view_is(v, "true") && !view_is(v, "false"))
        return refuse("true or false", why);
    return put_u32(c, o, view_is(v, "true"), why);
}

static err_t set_number(struct config *c, const struct option *o, struct view v, struct why *why)
{
    uint64_t n = 0;
    if (value_bytes(v, &n) != OK || v.data[v.len - 1] > '9')
        return refuse("a whole number", why);
    return put_u32(c, o, n, why);
}

static err_t set_bytes(struct config *c, const struct option *o, struct view v, struct why *why)
{
    uint64_t n = 0;
    if (value_bytes(v, &n) != OK)
        return refuse("a size such as 4096, 64k, 64M or 2G", why);
    TRY(check_range(o, n, why));
    memcpy(AT(c, o), &n, sizeof(n));
    return OK;
}

static err_t set_time(struct config *c, const struct option *o, struct view v, struct why *why)
{
    uint64_t n = 0;
    if (value_time(v, &n) != OK)
        return refuse("a time such as 500ms, 30s or 5m", why);
    return put_u32(c, o, n, why);
}

static err_t absolute_path(const struct config *c, struct view v, char ret[static CONF_PATH_MAX], struct why *why)
{
    char word[CONF_PATH_MAX];
    if (value_word(v, word, sizeof(word)) != OK)
        return refuse("a path of printable characters, at most 1023 bytes", why);
    const char *name = strncmp(word, "./", 2) == 0 ? word + 2 : word;
    int n = word[0] == '/' ? snprintf(ret, CONF_PATH_MAX, "%s", word)
                           : snprintf(ret, CONF_PATH_MAX, "%s/%s", c->cwd, name);
    return n > 0 && n < CONF_PATH_MAX ? OK : refuse("a path of at most 1023 bytes", why);
}

static err_t set_path(struct config *c, const struct option *o, struct view v, struct why *why)
{
    return absolute_path(c, v, AT(c, o), why);
}

static const char listen_form[] =
    "HOST:PORT with an IPv4 address, an IPv6 address in brackets, localhost or *; or vsock:PORT; or unix:PATH";

static err_t set_listen(struct config *c, const struct option *o UNUSED, struct view v, struct why *why)
{
    struct conf *conf = &c->conf;
    if (conf->n_listen == CONF_LISTEN_MAX)
        return why_set(why, ERR_USAGE, "at most %d times", CONF_LISTEN_MAX);
    if (value_listen(v, &conf->listen[conf->n_listen], conf->listen_name[conf->n_listen]) != OK)
        return refuse(listen_form, why);
    conf->n_listen++;
    return OK;
}

static err_t set_admin(struct config *c, const struct option *o UNUSED, struct view v, struct why *why)
{
    char name[64];
    return value_listen(v, &c->conf.admin, name) == OK ? OK : refuse(listen_form, why);
}

static err_t set_peer(struct config *c, const struct option *o, struct view v, struct why *why)
{
    struct address a;
    if (address_parse(v, ADDRESS_CONNECT, &a) != OK || !address_is_local(&a))
        return refuse("vsock:CID:PORT or unix:PATH", why);
    memcpy(AT(c, o), &a, sizeof(a));
    return OK;
}

static err_t set_choice(struct config *c, const struct option *o, struct view v, struct why *why)
{
    for (uint32_t i = 0; o->choices[i] != NULL; i++)
        if (view_is(v, o->choices[i])) {
            memcpy(AT(c, o), &i, sizeof(i));
            return OK;
        }
    return refuse(o->value, why);
}

static err_t set_alias(struct config *c, const struct option *o UNUSED, struct view v, struct why *why)
{
    struct conf *conf = &c->conf;
    struct conf_alias a;
    TRY(value_alias(v, &a, why));
    for (uint32_t i = 0; i < conf->n_aliases; i++)
        if (strcmp(conf->aliases[i].name, a.name) == 0)
            return why_set(why, ERR_USAGE, "a name stands twice");
    if (conf->n_aliases == CONF_ALIAS_MAX)
        return why_set(why, ERR_USAGE, "at most %d times", CONF_ALIAS_MAX);
    conf->aliases[conf->n_aliases++] = a;
    return OK;
}

static err_t add_model(struct wire_model *list, uint32_t *n, uint32_t max, struct view v, struct why *why)
{
    if (*n == max)
        return why_set(why, ERR_USAGE, "at most %u times", max);
    TRY(value_model(v, &list[*n], why));
    ++*n;
    return OK;
}

static err_t set_allow(struct config *c, const struct option *o UNUSED, struct view v, struct why *why)
{
    return add_model(c->conf.allow, &c->conf.n_allow, CONF_ALLOW_MAX, v, why);
}

static err_t set_preload(struct config *c, const struct option *o UNUSED, struct view v, struct why *why)
{
    return add_model(c->conf.preload, &c->conf.n_preload, CONF_PRELOAD_MAX, v, why);
}

static err_t set_domain(struct config *c, const struct option *o UNUSED, struct view v, struct why *why)
{
    struct conf *conf = &c->conf;
    if (conf->n_domains == CONF_DOMAIN_MAX)
        return why_set(why, ERR_USAGE, "at most %d times", CONF_DOMAIN_MAX);
    if (value_word(v, conf->domains[conf->n_domains], sizeof(conf->domains[0])) != OK)
        return refuse("1 to 63 printable characters", why);
    conf->n_domains++;
    return OK;
}

static err_t set_source(struct config *c, const struct option *o UNUSED, struct view v, struct why *why)
{
    struct conf *conf = &c->conf;
    struct conf_source s = {0};
    struct view file = {0};
    if (conf->n_sources == CONF_SOURCE_MAX)
        return why_set(why, ERR_USAGE, "at most %d times", CONF_SOURCE_MAX);
    TRY(value_source(v, &s, &file, why));
    if (file.len > 0)
        TRY(absolute_path(c, file, s.token_file, why));
    conf->sources[conf->n_sources++] = s;
    return OK;
}

static err_t (*const setters[])(struct config *c, const struct option *o, struct view v, struct why *why) = {
    [OPTION_FLAG] = set_flag,     [OPTION_NUMBER] = set_number, [OPTION_BYTES] = set_bytes, [OPTION_TIME] = set_time,
    [OPTION_PATH] = set_path,     [OPTION_LISTEN] = set_listen, [OPTION_ADMIN] = set_admin, [OPTION_CHOICE] = set_choice,
    [OPTION_ALIAS] = set_alias,   [OPTION_ALLOW] = set_allow,   [OPTION_DOMAIN] = set_domain,
    [OPTION_SOURCE] = set_source, [OPTION_PRELOAD] = set_preload, [OPTION_PEER] = set_peer,
};

static bool repeatable(const struct option *o)
{
    return o->type == OPTION_LISTEN || o->type == OPTION_ALIAS || o->type == OPTION_ALLOW ||
           o->type == OPTION_PRELOAD || o->type == OPTION_DOMAIN || o->type == OPTION_SOURCE;
}

void config_forget(struct config *c, const struct option *o)
{
    uint32_t *const counts[] = {
        [OPTION_LISTEN] = &c->conf.n_listen,
        [OPTION_ALIAS] = &c->conf.n_aliases,
        [OPTION_ALLOW] = &c->conf.n_allow,
        [OPTION_PRELOAD] = &c->conf.n_preload,
        [OPTION_DOMAIN] = &c->conf.n_domains,
        [OPTION_SOURCE] = &c->conf.n_sources,
    };
    if (repeatable(o))
        *counts[o->type] = 0;
    c->given[o - options] = false;
}

err_t config_set(struct config *c, const struct option *o, struct view value, struct why *why)
{
    bool *given = &c->given[o - options];
    struct why said = {0};
    if (*given && !repeatable(o))
        return why_set(why, ERR_USAGE, "%s: stands twice", o->key);
    if (!*given && repeatable(o))
        config_forget(c, o); /* the default goes */
    if (setters[o->type](c, o, value, &said) != OK)
        return why_set(why, ERR_USAGE, "%s: %s", o->key, said.text);
    *given = true;
    return OK;
}

err_t config_init(struct config *c, const char *cwd, struct why *why)
{
    size_t n = strnlen(cwd, sizeof(c->cwd));
    *c = (struct config){0};
    if (n == sizeof(c->cwd))
        return why_set(why, ERR_USAGE, "the working directory's path is too long");
    memcpy(c->cwd, cwd, n);
    for (size_t i = 0; i < options_count; i++)
        if (options[i].initial != NULL)
            TRY(setters[options[i].type](c, &options[i], view_of(options[i].initial, strlen(options[i].initial)), why));
    return OK;
}

/* ── the file ── */

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct view trim(struct view v)
{
    while (v.len > 0 && blank(v.data[0])) {
        v.data++;
        v.len--;
    }
    while (v.len > 0 && blank(v.data[v.len - 1]))
        v.len--;
    return v;
}

static err_t read_section(struct view line, enum option_section *section, struct why *why)
{
    struct view name = view_of(line.data + 1, line.len - 1);
    if (name.len == 0 || name.data[name.len - 1] != ']')
        return why_set(why, ERR_USAGE, "a section is written [node], [policy] or [fetch]");
    name.len--;
    for (unsigned i = 0; i < SECTION_COUNT_; i++)
        if (view_is(name, option_sections[i])) {
            *section = (enum option_section)i;
            return OK;
        }
    return why_set(why, ERR_USAGE, "no such section: there are [node], [policy] and [fetch]");
}

static err_t read_line(struct config *c, struct view line, enum option_section *section, struct why *why)
{
    if (line.len == 0 || line.data[0] == '#')
        return OK;
    if (line.data[0] == '[')
        return read_section(line, section, why);
    if (memchr(line.data, '=', line.len) == NULL)
        return why_set(why, ERR_USAGE, "expected `key = value`");
    struct view value = line;
    const struct option *o = option_find(trim(view_cut(&value, '=')));
    if (o == NULL)
        return why_set(why, ERR_USAGE, "no such key (veronnx serve --help lists them)");
    if (o->section != *section)
        return why_set(why, ERR_USAGE, "%s: belongs into section [%s]", o->key, option_sections[o->section]);
    if (c->delivered && o->local)
        return why_set(why, ERR_USAGE, "%s: belongs to this machine and cannot be delivered", o->key);
    return config_set(c, o, trim(value), why);
}

err_t config_text(struct config *c, struct view text, uint32_t *ret_line, struct why *why)
{
    enum option_section section = SECTION_COUNT_;
    uint32_t number = 0;
    if (text.len > CONFIG_FILE_MAX)
        return why_set(why, ERR_USAGE, "the file is larger than %zu bytes", CONFIG_FILE_MAX);
    while (text.len > 0) {
        *ret_line = ++number;
        struct view line = trim(view_cut(&text, '\n'));
        if (section == SECTION_COUNT_ && line.len > 0 && line.data[0] != '#' && line.data[0] != '[')
            return why_set(why, ERR_USAGE, "the first key needs a section above it: [node], [policy] or [fetch]");
        TRY(read_line(c, line, &section, why));
    }
    return OK;
}

/* Who delivers it must not be able to leave out a line and get a default that a verifier did not read. */
static err_t check_written_out(const struct config *c, struct why *why)
{
    for (size_t i = 0; i < options_count; i++)
        if (options[i].section == SECTION_POLICY && options[i].initial != NULL && !c->given[i])
            return why_set(why, ERR_USAGE, "%s: must stand in a configuration that is delivered", options[i].key);
    return OK;
}

err_t config_finish(struct config *c, struct why *why)
{
    if (c->delivered)
        TRY(check_written_out(c, why));
    if (c->conf.n_listen == 0)
        return why_set(why, ERR_USAGE, "listen: at least one address");
    if (c->conf.blocks_from.family != 0 && c->conf.n_sources > 0)
        return why_set(why, ERR_USAGE, "source: blocks come from another machine (blocks-from), which has the sources");
    if (c->conf.models == MODELS_LIST && c->conf.n_allow + c->conf.n_aliases == 0)
        return why_set(why, ERR_USAGE, "models = list needs at least one `allow` or `alias`");
    for (uint32_t i = 0; i < c->conf.n_preload; i++)
        if (!conf_allows(&c->conf, &c->conf.preload[i]))
            return why_set(why, ERR_USAGE, "preload: with models = list only a model of `allow` or `alias`");
    return OK;
}
