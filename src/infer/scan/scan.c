/* The scan of one file: what it is at all, then the walk. */
#include "infer/scan/scan.h"

#include "base/mem.h"
#include "infer/scan/run.h"

#include <string.h>

const struct scan_limits SCAN_LIMITS_DEFAULT = {
    .nodes = 200 * 1000,
    .tensors = 400 * 1000,
    .messages = 8 * 1000 * 1000,
    .strings = 16 * 1000 * 1000,
    .attributes = 256,
    .rank = 32,
    .subgraphs = 16,
    .name_len = 4 * KIB,
    .text_len = 4 * MIB,
};

static void scan_free(struct scan **s)
{
    if (*s != NULL)
        scan_done(*s);
    mem_free(*s);
}

/* ONNX Runtime's own format, a flatbuffer with its identifier behind the first offset. */
static bool is_ort(struct view file)
{
    return file.len >= 8 && memcmp(file.data + 4, "ORTM", 4) == 0;
}

/* A file that breaks before it has shown a version or a graph is of another kind. */
static bool looks_foreign(const struct scan *s)
{
    const struct scan_cell *cells = s->frames[0].cells;

    return cells[MODEL_IR_VERSION].count == 0 && cells[MODEL_GRAPH].count == 0;
}

err_t scan_model(struct view file, const struct scan_policy *policy, struct scan_info *ret_info, struct why *why)
{
    AUTO(scan_free) struct scan *s = NULL;

    if (file.len == 0 || is_ort(file))
        return why_set(why, ERR_MODEL_NOT_ONNX, "the file is empty or in ONNX Runtime's own format");
    if (file.len > INT32_MAX)
        return why_set(why, ERR_MODEL_TOO_LARGE, "the file exceeds 2 GiB, where protobuf ends");
    s = mem_alloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    s->policy = policy;
    s->why = why;
    err_t e = scan_run(s, file);
    if (e == ERR_MODEL_MALFORMED && looks_foreign(s))
        return ERR_MODEL_NOT_ONNX;
    if (e == OK)
        *ret_info = s->info;
    return e;
}
