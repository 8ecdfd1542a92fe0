/* Answers of nitro-cli. */
#include "cli/nitro_answer.h"

#include <string.h>
#include <yyjson.h>

/* NULL when there is none. The caller ends the document. */
static yyjson_doc *read_json(struct view answer)
{
    while (answer.len > 0 && answer.data[0] != '{' && answer.data[0] != '[')
        (void)view_cut(&answer, '\n');
    return answer.len > 0 ? yyjson_read((const char *)answer.data, answer.len, 0) : NULL;
}

err_t nitro_answer_id(struct view answer, uint32_t cid, char *ret_id, size_t size, struct why *why)
{
    yyjson_doc *doc = read_json(answer);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *id = yyjson_get_str(yyjson_obj_get(root, "EnclaveID"));
    bool good =
        id != NULL && id[0] != '\0' && strlen(id) < size && yyjson_get_uint(yyjson_obj_get(root, "EnclaveCID")) == cid;
    if (good)
        memcpy(ret_id, id, strlen(id) + 1);
    yyjson_doc_free(doc);
    return good ? OK : why_set(why, ERR_CLOSED, "nitro-cli run-enclave: no EnclaveID, or not EnclaveCID %u", cid);
}

err_t nitro_answer_runs(struct view answer, const char *id, const char *name, bool *ret)
{
    size_t i = 0, n = 0;
    yyjson_val *row = NULL;
    bool found = false;
    yyjson_doc *doc = read_json(answer);
    yyjson_val *root = yyjson_doc_get_root(doc);
    bool list = yyjson_is_arr(root);
    yyjson_arr_foreach(root, i, n, row)
    {
        bool it = id[0] != '\0' ? yyjson_equals_str(yyjson_obj_get(row, "EnclaveID"), id)
                                : yyjson_equals_str(yyjson_obj_get(row, "EnclaveName"), name);
        found |= it &&
                 !yyjson_equals_str(yyjson_obj_get(row, "State"), "TERMINATING");
    }
    yyjson_doc_free(doc);
    if (!list)
        return ERR_MALFORMED;
    *ret = found;
    return OK;
}
