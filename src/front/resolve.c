/* Aliases first: their names are no CIDs. */
#include "front/resolve.h"

#include "ipld/model_id.h"

#include <string.h>

err_t model_resolve(const struct conf *conf, struct view name, struct wire_model *ret, struct why *why)
{
    struct model_id id;
    struct wire_model m = {0};
    for (uint32_t i = 0; i < conf->n_aliases; i++)
        if (view_is(name, conf->aliases[i].name)) {
            *ret = conf->aliases[i].model;
            return OK;
        }
    TRY(model_id_parse(name, &id, why));
    m.cid_len = id.cid.len;
    memcpy(m.cid, id.cid.bytes, id.cid.len);
    m.path_len = id.path_len;
    memcpy(m.path, id.path, id.path_len);
    *ret = m;
    return OK;
}
