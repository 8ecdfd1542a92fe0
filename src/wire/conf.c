/* Receiving the configuration. */
#include "wire/conf.h"

#include "base/buf.h"

#include <string.h>
#include <sys/mman.h>

static bool ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static bool model_fits(const struct wire_model *m)
{
    return m->cid_len <= CID_MAX && m->path_len <= MODEL_PATH_MAX;
}

static err_t check_listeners(const struct conf *c)
{
    for (uint32_t i = 0; i < c->n_listen; i++)
        if (!ends(c->listen[i].text, sizeof(c->listen[i].text)) || !ends(c->listen_name[i], sizeof(c->listen_name[i])))
            return ERR_PROTOCOL;
    return ends(c->admin.text, sizeof(c->admin.text)) ? OK : ERR_PROTOCOL;
}

static err_t check_policy(const struct conf *c)
{
    for (uint32_t i = 0; i < c->n_aliases; i++)
        if (!ends(c->aliases[i].name, CONF_NAME_MAX) || !model_fits(&c->aliases[i].model))
            return ERR_PROTOCOL;
    for (uint32_t i = 0; i < c->n_allow; i++)
        if (!model_fits(&c->allow[i]))
            return ERR_PROTOCOL;
    for (uint32_t i = 0; i < c->n_domains; i++)
        if (!ends(c->domains[i], sizeof(c->domains[i])))
            return ERR_PROTOCOL;
    return OK;
}

static err_t conf_check(const struct conf *c, size_t size)
{
    if (size != sizeof(*c) + (size_t)c->node_text_len + c->policy_text_len)
        return ERR_PROTOCOL;
    if (c->n_listen > CONF_LISTEN_MAX || c->n_aliases > CONF_ALIAS_MAX || c->n_allow > CONF_ALLOW_MAX ||
        c->n_domains > CONF_DOMAIN_MAX)
        return ERR_PROTOCOL;
    if (!ends(c->store, CONF_PATH_MAX) || !ends(c->state, CONF_PATH_MAX) || !ends(c->ready_file, CONF_PATH_MAX))
        return ERR_PROTOCOL;
    TRY(check_listeners(c));
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

struct view conf_node_text(const struct conf *c)
{
    return view_of((const uint8_t *)(c + 1), c->node_text_len);
}

struct view conf_policy_text(const struct conf *c)
{
    return view_of((const uint8_t *)(c + 1) + c->node_text_len, c->policy_text_len);
}
