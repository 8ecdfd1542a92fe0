/* Splitting and checking model names. */
#include "ipld/model_id.h"

#include <string.h>

static bool is_name_char(uint8_t c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool is_name(struct view segment)
{
    if (segment.len == 0 || view_is(segment, ".") || view_is(segment, ".."))
        return false;
    for (size_t i = 0; i < segment.len; i++)
        if (!is_name_char(segment.data[i]))
            return false;
    return true;
}

struct view model_path_segment(struct view *path)
{
    struct view whole = *path;
    const uint8_t *slash = whole.len > 0 ? memchr(whole.data, '/', whole.len) : NULL;
    if (slash == NULL) {
        path->len = 0;
        return whole;
    }
    size_t len = (size_t)(slash - whole.data);
    *path = view_of(slash + 1, whole.len - len - 1);
    return view_of(whole.data, len);
}

err_t model_path_check(struct view path, struct why *why)
{
    if (path.len > MODEL_PATH_MAX)
        return why_set(why, ERR_MODEL_ID_INVALID, "path: longer than %d bytes", MODEL_PATH_MAX);
    if (path.len > 0 && path.data[path.len - 1] == '/')
        return why_set(why, ERR_MODEL_ID_INVALID, "path: ends with a slash");
    while (path.len > 0)
        if (!is_name(model_path_segment(&path)))
            return why_set(why, ERR_MODEL_ID_INVALID, "path: a segment is not a name of [A-Za-z0-9._-]");
    return OK;
}

err_t model_id_parse(struct view text, struct model_id *ret, struct why *why)
{
    struct model_id id = {0};
    struct view path = text, cid = model_path_segment(&path);
    err_t e = cid_from_text(cid, &id.cid, why);
    if (e != OK)
        return e == ERR_CID_MALFORMED ? ERR_MODEL_ID_INVALID : e;
    if (path.len == 0 && cid.len < text.len)
        return why_set(why, ERR_MODEL_ID_INVALID, "path: ends with a slash");
    TRY(model_path_check(path, why));
    if (path.len > 0)
        memcpy(id.path, path.data, path.len);
    id.path_len = (uint16_t)path.len;
    *ret = id;
    return OK;
}
