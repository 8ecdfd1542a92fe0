/* Checking and comparing model names. */
#include "wire/model.h"

#include <string.h>

bool wire_model_fits(const struct wire_model *m)
{
    return m->cid_len <= CID_MAX && m->path_len <= MODEL_PATH_MAX;
}

bool wire_model_equal(const struct wire_model *a, const struct wire_model *b)
{
    return a->cid_len == b->cid_len && memcmp(a->cid, b->cid, a->cid_len) == 0 && a->path_len == b->path_len &&
           memcmp(a->path, b->path, a->path_len) == 0;
}
