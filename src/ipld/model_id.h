/* The name of a model by content: `CID` or `CID/path/in/directory`. */
#ifndef VERONNX_IPLD_MODEL_ID_H
#define VERONNX_IPLD_MODEL_ID_H

#include "ipld/cid.h"

#define MODEL_PATH_MAX 256
#define MODEL_ID_MAX   (CID_TEXT_MAX + 1 + MODEL_PATH_MAX)

/* `path` has no leading slash; empty = the CID is the file itself. */
struct model_id {
    struct cid cid;
    uint16_t path_len;
    char path[MODEL_PATH_MAX];
};

static inline struct view model_id_path(const struct model_id *id)
{
    return view_of(id->path, id->path_len);
}

/* ERR_MODEL_ID_INVALID (not a CID, or a path that model_path_check refuses), ERR_CID_UNSUPPORTED, ERR_CID_IDENTITY. */
err_t model_id_parse(struct view text, struct model_id *ret, struct why *why);

/* Segments of [A-Za-z0-9._-] joined by single slashes, none of them "." or "..", at most MODEL_PATH_MAX bytes in
   all; empty is fine. ERR_MODEL_ID_INVALID. For a path that comes from another process. */
err_t model_path_check(struct view path, struct why *why);

/* Takes the first segment and the slash behind it from a checked, non-empty path. */
struct view model_path_segment(struct view *path);

#endif
