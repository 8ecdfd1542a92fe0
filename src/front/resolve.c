/* Aliases first: their names are no CIDs. */
#include "front/resolve.h"

#include "ipld/model_id.h"

#include <string.h>

/* Longer than a Walrus blob id and not much shorter than a CID in base58: what begins as CIDs do is one with a mistake.
 */
#define CID_LOOK_MIN 44

static bool looks_like_cid(struct view name)
{
    const uint8_t *slash = memchr(name.data, '/', name.len);
    size_t len = slash != NULL ? (size_t)(slash - name.data) : name.len;
    return len >= CID_LOOK_MIN && strchr("QbBzfFuUmkK", name.data[0]) != NULL;
}

/* What the configuration could pin to a CID: a Walrus blob id, the name of a hub. */
static bool is_opaque(struct view name)
{
    return name.len > 0 && name.len < CONF_NAME_MAX && conf_name_len(name) == name.len && !looks_like_cid(name);
}

/* Clients of Triton look for the first words. */
static err_t refuse_opaque(struct why *why)
{
    return why_set(why, ERR_MODEL_NOT_PINNED,
                   "Request for unknown model: no CID, and this node has no `alias` that pins the name to one");
}

err_t model_resolve(const struct conf *conf, struct view name, struct wire_model *ret, struct why *why)
{
    struct model_id id;
    struct wire_model m = {0};
    for (uint32_t i = 0; i < conf->n_aliases; i++)
        if (view_is(name, conf->aliases[i].name)) {
            *ret = conf->aliases[i].model;
            return OK;
        }
    err_t e = model_id_parse(name, &id, why);
    if (e != OK)
        return e == ERR_MODEL_ID_INVALID && is_opaque(name) ? refuse_opaque(why) : e;
    m.cid_len = id.cid.len;
    memcpy(m.cid, id.cid.bytes, id.cid.len);
    m.path_len = id.path_len;
    memcpy(m.path, id.path, id.path_len);
    *ret = m;
    return OK;
}

/* The last characters of CIDs are as good as random. */
err_t resolved_find(struct resolved *r, const struct conf *conf, struct view name, struct wire_model *ret,
                    struct why *why)
{
    if (name.len == 0 || name.len > RESOLVED_NAME)
        return model_resolve(conf, name, ret, why);
    typeof(r->rows[0]) *row = &r->rows[name.data[name.len - 1] % RESOLVED_ROWS];
    if (!view_equal(name, view_of(row->name, row->len))) {
        TRY(model_resolve(conf, name, &row->model, why));
        memcpy(row->name, name.data, name.len);
        row->len = name.len;
    }
    *ret = row->model;
    return OK;
}
