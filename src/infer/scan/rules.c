/* Rules of the model, its functions and graphs. */
#include "infer/scan/rules.h"

#include <inttypes.h>
#include <string.h>

static bool text_begins(struct view text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

bool rules_domain_allowed(const struct scan_policy *policy, struct view domain)
{
    static const char *const always[] = {"", "ai.onnx", "ai.onnx.ml"};

    for (size_t i = 0; i < COUNT_OF(always); i++)
        if (view_is(domain, always[i]))
            return true;
    for (size_t i = 0; i < policy->domain_count; i++)
        if (view_equal(domain, policy->domains[i]))
            return true;
    return false;
}

static err_t rule_model(struct scan *s, struct scan_frame *f)
{
    if (f->cells[MODEL_GRAPH].count == 0)
        return scan_refuse(s, ERR_MODEL_NOT_ONNX, "graph is missing");
    if (f->cells[MODEL_IR_VERSION].count == 0 || f->cells[MODEL_OPSET_IMPORT].count == 0)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "ir_version or opset_import is missing");
    s->info.ir_version = f->cells[MODEL_IR_VERSION].number;
    return OK;
}

/* What a model may tell about itself must not be what ONNX Runtime takes for settings. */
static err_t rule_metadata(struct scan *s, struct scan_frame *f)
{
    static const char *const settings[] = {"ort_config", "session.", "ep.", "ep_compatibility_info."};

    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (text_begins(f->cells[ENTRY_KEY].bytes, settings[i]))
            return scan_refuse(s, ERR_MODEL_REFUSED, "a key that begins with \"%s\"", settings[i]);
    return OK;
}

/* An import is noted, not judged: files that ONNX Runtime wrote import every domain that it knows. Use is what counts.
   Some writers (skl2onnx) say the same thing twice; two versions of one domain are a contradiction. */
static err_t rule_opset(struct scan *s, struct scan_frame *f)
{
    struct scan_opsets *opsets = s->frames[s->depth - 2].id == MSG_MODEL ? &s->info.opsets : &s->function_opsets;
    struct scan_opset opset = {.domain = f->cells[OPSET_DOMAIN].bytes, .version = f->cells[OPSET_VERSION].number};

    if (f->cells[OPSET_VERSION].count == 0)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "version is missing");
    if (view_is(opset.domain, "ai.onnx"))
        opset.domain = view_of(NULL, 0);
    for (size_t i = 0; i < opsets->count; i++) {
        if (!view_equal(opsets->items[i].domain, opset.domain))
            continue;
        if (opsets->items[i].version != opset.version)
            return scan_refuse(s, ERR_MODEL_MALFORMED, "another version of a domain that was imported before");
        return OK;
    }
    if (opsets->count == SCAN_OPSETS_MAX)
        return scan_refuse(s, ERR_MODEL_LIMIT, "more than %d operator sets", SCAN_OPSETS_MAX);
    opsets->items[opsets->count++] = opset;
    return OK;
}

static err_t rule_function(struct scan *s, struct scan_frame *f)
{
    if (f->cells[FUNCTION_NAME].bytes.len == 0)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "name is missing");
    if (!rules_domain_allowed(s->policy, f->cells[FUNCTION_DOMAIN].bytes))
        return scan_refuse(s, ERR_MODEL_DOMAIN_REFUSED, "functions of this domain are not allowed");
    s->info.functions++;
    s->function_opsets.count = 0;
    return OK;
}

static err_t rule_graph(struct scan *s, struct scan_frame *f)
{
    uint64_t graphs = 0;

    (void)f;
    for (unsigned i = 0; i < s->depth; i++)
        graphs += s->frames[i].id == MSG_GRAPH;
    if (graphs > s->policy->limits.subgraphs)
        return scan_refuse(s, ERR_MODEL_LIMIT, "more than %" PRIu64 " graphs inside each other",
                           s->policy->limits.subgraphs);
    return OK;
}

err_t rules_check(struct scan *s, struct scan_frame *f)
{
    static err_t (*const rules[MSG_COUNT_])(struct scan *, struct scan_frame *) = {
        [MSG_MODEL] = rule_model,         [MSG_METADATA] = rule_metadata, [MSG_OPSET] = rule_opset,
        [MSG_FUNCTION] = rule_function,   [MSG_GRAPH] = rule_graph,       [MSG_NODE] = rule_node,
        [MSG_ATTRIBUTE] = rule_attribute, [MSG_TENSOR] = rule_tensor,     [MSG_SPARSE] = rule_sparse,
        [MSG_SHAPE] = rule_shape,
    };
    return rules[f->id] == NULL ? OK : rules[f->id](s, f);
}
