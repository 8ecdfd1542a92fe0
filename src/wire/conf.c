/* Receiving the configuration. */
#include "wire/conf.h"

#include "wire/model.h"
#include "wire/options.h"

#include <string.h>
#include <sys/mman.h>

static bool ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static err_t check_addresses(const struct conf *c)
{
    for (uint32_t i = 0; i < c->n_listen; i++)
        if (!address_fits(&c->listen[i]) || !ends(c->listen_name[i], sizeof(c->listen_name[i])))
            return ERR_PROTOCOL;
    return address_fits(&c->admin) && address_fits(&c->blocks_from) && address_fits(&c->log_to) ? OK : ERR_PROTOCOL;
}

static err_t check_sources(const struct conf *c)
{
    for (uint32_t i = 0; i < c->n_sources; i++) {
        const struct conf_source *s = &c->sources[i];
        if (s->kind >= SOURCE_KINDS_ || !ends(s->url, sizeof(s->url)) || !ends(s->token_file, sizeof(s->token_file)))
            return ERR_PROTOCOL;
    }
    return ends(c->cache, CONF_PATH_MAX) && ends(c->source_ca, CONF_PATH_MAX) ? OK : ERR_PROTOCOL;
}

static err_t check_policy(const struct conf *c)
{
    for (uint32_t i = 0; i < c->n_aliases; i++)
        if (!ends(c->aliases[i].name, CONF_NAME_MAX) || !wire_model_fits(&c->aliases[i].model))
            return ERR_PROTOCOL;
    for (uint32_t i = 0; i < c->n_allow; i++)
        if (!wire_model_fits(&c->allow[i]))
            return ERR_PROTOCOL;
    for (uint32_t i = 0; i < c->n_preload; i++)
        if (!wire_model_fits(&c->preload[i]))
            return ERR_PROTOCOL;
    for (uint32_t i = 0; i < c->n_domains; i++)
        if (!ends(c->domains[i], sizeof(c->domains[i])))
            return ERR_PROTOCOL;
    return OK;
}

static uint64_t number_at(const uint8_t *at, size_t size)
{
    uint32_t small = 0;
    uint64_t large = 0;
    if (size == sizeof(large)) {
        memcpy(&large, at, sizeof(large));
        return large;
    }
    memcpy(&small, at, sizeof(small));
    return small;
}

/* Sums and products are made of them. */
static err_t check_numbers(const struct conf *c)
{
    for (size_t i = 0; i < options_count; i++) {
        uint64_t min = 0, max = 0;
        size_t size = option_number(&options[i], &min, &max);
        uint64_t n = size > 0 ? number_at((const uint8_t *)c + options[i].offset, size) : min;
        if (n < min || n > max)
            return ERR_PROTOCOL;
    }
    return OK;
}

static err_t conf_check(const struct conf *c, size_t size)
{
    if (c->node_text_len > CONF_TEXT_MAX || c->policy_text_len > CONF_TEXT_MAX ||
        size != sizeof(*c) + (size_t)c->node_text_len + c->policy_text_len)
        return ERR_PROTOCOL;
    if (c->n_listen > CONF_LISTEN_MAX || c->n_aliases > CONF_ALIAS_MAX || c->n_allow > CONF_ALLOW_MAX ||
        c->n_domains > CONF_DOMAIN_MAX || c->n_preload > CONF_PRELOAD_MAX || c->n_sources > CONF_SOURCE_MAX)
        return ERR_PROTOCOL;
    if (!ends(c->store, CONF_PATH_MAX) || !ends(c->state, CONF_PATH_MAX) || !ends(c->ready_file, CONF_PATH_MAX))
        return ERR_PROTOCOL;
    TRY(check_numbers(c));
    TRY(check_addresses(c));
    TRY(check_sources(c));
    return check_policy(c);
}

err_t conf_map(int fd, struct map *ret_map, const struct conf **ret_conf)
{
    size_t size = 0;
    AUTO(map_done) struct map m = {0};
    TRY(memfd_check(fd, SEALS_FILE, sizeof(struct conf), sizeof(struct conf) + 2 * CONF_TEXT_MAX, &size));
    TRY(map_shared(fd, size, PROT_READ, &m));
    const struct conf *c = (const struct conf *)(const void *)m.addr;
    TRY(conf_check(c, size));
    *ret_map = m;
    *ret_conf = c;
    m = (struct map){0};
    return OK;
}

size_t conf_name_len(struct view text)
{
    size_t n = 0;
    for (uint8_t c; n < text.len; n++) {
        c = text.data[n];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' && c != '/')
            break;
    }
    return n;
}

bool conf_allows(const struct conf *c, const struct wire_model *m)
{
    if (c->models == MODELS_ANY)
        return true;
    for (uint32_t i = 0; i < c->n_allow; i++)
        if (wire_model_equal(&c->allow[i], m))
            return true;
    for (uint32_t i = 0; i < c->n_aliases; i++)
        if (wire_model_equal(&c->aliases[i].model, m))
            return true;
    return false;
}

struct view conf_node_text(const struct conf *c)
{
    return view_of((const uint8_t *)(c + 1), c->node_text_len);
}

struct view conf_policy_text(const struct conf *c)
{
    return view_of((const uint8_t *)(c + 1) + c->node_text_len, c->policy_text_len);
}
