/* Registers out of JSON. */
#include "cli/pcrs.h"

#include "base/text.h"

#include <string.h>
#include <yyjson.h>

static bool is_measurement(const char *key)
{
    return strncmp(key, "PCR", 3) == 0;
}

static err_t add(struct pcrs *p, const char *key, yyjson_val *value, struct why *why)
{
    uint64_t index = 0;
    struct view hex = view_of(yyjson_get_str(value), yyjson_get_len(value));
    if (text_u64(view_of(key + 3, strlen(key + 3)), PCRS_MAX - 1, &index) != OK)
        return why_set(why, ERR_USAGE, "a register is not one of PCR0 to PCR%d", PCRS_MAX - 1);
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].index == index)
            return why_set(why, ERR_USAGE, "PCR%u stands twice", (unsigned)index);
    struct veronnx_pcr *item = &p->items[p->n++];
    item->index = (uint8_t)index;
    if (!yyjson_is_str(value) || hex_decode(hex, item->value, sizeof(item->value)) != OK)
        return why_set(why, ERR_USAGE, "PCR%u: not %d hex digits", (unsigned)index, 2 * VERONNX_PCR_LEN);
    return OK;
}

static bool has(const struct pcrs *p, unsigned index)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].index == index)
            return true;
    return false;
}

static err_t read_one(yyjson_val *object, struct pcrs *ret, struct why *why)
{
    yyjson_val *inner = yyjson_obj_get(object, "Measurements");
    yyjson_val *key = NULL, *value = NULL;
    struct pcrs p = {0};
    size_t i = 0, n = 0;
    yyjson_obj_foreach(inner != NULL ? inner : object, i, n, key, value)
    {
        if (is_measurement(yyjson_get_str(key)))
            TRY(add(&p, yyjson_get_str(key), value, why));
    }
    for (unsigned index = 0; index <= 2; index++)
        if (!has(&p, index))
            return why_set(why, ERR_USAGE, "no PCR%u", index);
    *ret = p;
    return OK;
}

static bool same(const struct pcrs *a, const struct pcrs *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->items[i].index != b->items[i].index ||
            memcmp(a->items[i].value, b->items[i].value, sizeof(a->items[i].value)) != 0)
            return false;
    return true;
}

static err_t read_root(yyjson_val *root, struct pcrs *ret, struct why *why)
{
    size_t i = 0, n = 0;
    yyjson_val *item = NULL;
    if (!yyjson_is_arr(root))
        return read_one(root, ret, why);
    if (yyjson_arr_size(root) == 0)
        return why_set(why, ERR_USAGE, "an empty list names no image");
    yyjson_arr_foreach(root, i, n, item)
    {
        struct pcrs p = {0};
        TRY(read_one(item, &p, why));
        if (i > 0 && !same(ret, &p))
            return why_set(why, ERR_USAGE, "enclaves with different registers: which is meant?");
        *ret = p;
    }
    return OK;
}

err_t pcrs_read(struct view json, struct pcrs *ret, struct why *why)
{
    yyjson_doc *doc = yyjson_read((const char *)json.data, json.len, 0);
    if (doc == NULL)
        return why_set(why, ERR_USAGE, "not JSON");
    err_t e = read_root(yyjson_doc_get_root(doc), ret, why);
    yyjson_doc_free(doc);
    return e;
}
