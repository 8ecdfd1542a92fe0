/* Outputs of a hostile process: u16le length of an encoded set, the set, the area. Whatever is answered is JSON. */
#include "tensor/digest.h"
#include "tensor/infer_answer.h"

#include <stdlib.h>
#include <yyjson.h>

#define MAX_AREA   ((size_t)1 << 20)
#define MAX_ANSWER ((size_t)1 << 16)

static void check_json(const struct buf *answer)
{
    yyjson_doc *doc = yyjson_read((const char *)answer->data, answer->len, 0);
    if (doc == NULL)
        abort();
    yyjson_doc_free(doc);
}

/* Every payload of the set, in memory of exactly its size. */
static bool payloads_are_sound(const struct value_set *set, struct view area)
{
    bool sound = true;
    for (size_t i = 0; i < set->descs.count; i++)
        sound =
            payload_check(&set->descs.items[i], view_of(area.data + set->places[i].offset, set->places[i].len)) == OK &&
            sound;
    return sound;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t hash[SHA256_LEN];
    struct view in = view_of(data, size);
    struct view encoded = {0};
    uint16_t len = 0;
    AUTO(value_set_done) struct value_set set = {0};
    AUTO_BUF struct buf answer = {.max = MAX_ANSWER};
    if (view_u16le(&in, &len) != OK || view_take(&in, len, &encoded) != OK ||
        value_set_parse(encoded, MAX_AREA, &set) != OK)
        return 0;
    err_t e = infer_answer_write(&set, in, hash, &answer, NULL);
    if (e == OK)
        check_json(&answer);
    if (set.total > in.len)
        return 0;
    if (payloads_are_sound(&set, in)) {
        uint8_t digest[2][SHA256_LEN];
        if (tensor_digest_of(&set, in.data, digest[0], digest[1]) != OK)
            abort();
    }
    return 0;
}
