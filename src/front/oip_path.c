/* Which model and which question a path names. */
#include "front/oip_path.h"

#include "base/text.h"

#include <string.h>

#define MODELS     "/v2/models/"
#define REPOSITORY "/v2/repository/models/"
#define VERSIONS   "/versions/"

static const struct {
    const char *path;
    enum oip_what what;
} whole[] = {
    {"/v2", OIP_SERVER},
    {"/v2/", OIP_SERVER},
    {"/v2/health/live", OIP_LIVE},
    {"/v2/health/ready", OIP_READY},
    {"/v2/models", OIP_MODELS},
    {"/v2/models/", OIP_MODELS},
    {"/v2/models/stats", OIP_ALL_STATS},
    {"/v2/repository/index", OIP_INDEX},
};

static const struct {
    const char *before;
    const char *verb;
    enum oip_what what;
    bool versions; /* may stand in front of the verb */
} parts[] = {
    {MODELS, "/ready", OIP_MODEL_READY, true},
    {MODELS, "/infer", OIP_INFER, true},
    {MODELS, "/config", OIP_CONFIG, true},
    {MODELS, "/stats", OIP_STATS, true},
    {MODELS, "", OIP_MODEL, true},
    {REPOSITORY, "/load", OIP_LOAD, false},
    {REPOSITORY, "/unload", OIP_UNLOAD, false},
};

static bool begins(struct view text, const char *with)
{
    size_t n = strlen(with);
    return text.len >= n && memcmp(text.data, with, n) == 0;
}

static bool ends(struct view text, const char *with)
{
    size_t n = strlen(with);
    return text.len >= n && memcmp(text.data + text.len - n, with, n) == 0;
}

/* The version is what stands behind the last slash, when /versions stands in front of that. */
static void split_version(struct oip_path *p)
{
    size_t at = p->name.len;
    while (at > 0 && p->name.data[at - 1] != '/')
        at--;
    struct view before = view_of(p->name.data, at);
    if (!ends(before, VERSIONS) || at == p->name.len)
        return;
    p->version = view_of(p->name.data + at, p->name.len - at);
    p->name.len = at - strlen(VERSIONS);
}

struct oip_path oip_path_parse(struct view path)
{
    struct oip_path p = {0};
    for (size_t i = 0; i < COUNT_OF(whole); i++)
        if (view_is(path, whole[i].path))
            return (struct oip_path){.what = whole[i].what};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        size_t before = strlen(parts[i].before);
        size_t verb = strlen(parts[i].verb);
        if (!begins(path, parts[i].before) || !ends(path, parts[i].verb) || path.len <= before + verb)
            continue;
        p = (struct oip_path){.what = parts[i].what, .name = view_of(path.data + before, path.len - before - verb)};
        if (parts[i].versions)
            split_version(&p);
        return p.name.len > 0 && p.name.data[0] != '/' ? p : (struct oip_path){0};
    }
    return p;
}

err_t percent_decode(struct view text, uint8_t *ret, size_t room, size_t *ret_len)
{
    size_t len = 0;
    while (text.len > 0) {
        struct view part = {0};
        uint8_t byte = 0;
        TRY(view_u8(&text, &byte));
        if (byte == '%' && (view_take(&text, 2, &part) != OK || hex_decode(part, &byte, 1) != OK || byte == '\0'))
            return ERR_BAD_REQUEST;
        if (len == room)
            return ERR_TOO_LARGE;
        ret[len++] = byte;
    }
    *ret_len = len;
    return OK;
}
