/* Rules of nodes and their attributes. */
#include "infer/scan/rules.h"

#include <inttypes.h>

static bool is_random(const struct scan_frame *f)
{
    static const char *const operators[] = {
        "RandomNormal",     "RandomNormalLike", "RandomUniform",  "RandomUniformLike",  "Multinomial", "Bernoulli",
        "TrainableDropout", "BiasDropout",      "BitmaskDropout", "BitmaskBiasDropout", "Sampling",
    };
    const struct scan_cell *input = &f->cells[NODE_INPUT];
    struct view op = f->cells[NODE_OP_TYPE].bytes;

    for (size_t i = 0; i < COUNT_OF(operators); i++)
        if (view_is(op, operators[i]))
            return true;
    /* The third input of Dropout is training_mode; without it nothing is dropped. */
    return view_is(op, "Dropout") && input->count == 3 && input->bytes.len > 0;
}

err_t rule_node(struct scan *s, struct scan_frame *f)
{
    const struct scan_limits *limits = &s->policy->limits;
    struct view op = f->cells[NODE_OP_TYPE].bytes;

    if (s->info.nodes++ == limits->nodes)
        return scan_refuse(s, ERR_MODEL_LIMIT, "more than %" PRIu64 " nodes", limits->nodes);
    if (op.len == 0)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "op_type is missing");
    /* A compiled graph of some accelerator: names a file, or holds code. */
    if (view_is(op, "EPContext"))
        return scan_refuse(s, ERR_MODEL_REFUSED, "op_type is EPContext");
    if (!rules_domain_allowed(s->policy, f->cells[NODE_DOMAIN].bytes))
        return scan_refuse(s, ERR_MODEL_DOMAIN_REFUSED, "operators of this domain are not allowed");
    if (f->cells[NODE_ATTRIBUTE].count > limits->attributes)
        return scan_refuse(s, ERR_MODEL_LIMIT, "more than %" PRIu64 " attributes", limits->attributes);
    s->info.random = s->info.random || is_random(f);
    return OK;
}

/* AttributeProto.AttributeType: the field that holds the value. `needed`: no value at all is not a value of 0 or an
   empty list (which writers may leave out). */
static const struct attribute_type {
    uint8_t field;
    bool needed;
} attribute_types[] = {
    [1] = {ATTRIBUTE_F, false},
    [2] = {ATTRIBUTE_I, false},
    [3] = {ATTRIBUTE_S, false},
    [4] = {ATTRIBUTE_T, true},
    [5] = {ATTRIBUTE_G, true},
    [6] = {ATTRIBUTE_FLOATS, false},
    [7] = {ATTRIBUTE_INTS, false},
    [8] = {ATTRIBUTE_STRINGS, false},
    [9] = {ATTRIBUTE_TENSORS, false},
    [10] = {ATTRIBUTE_GRAPHS, false},
    [11] = {ATTRIBUTE_SPARSE_TENSOR, true},
    [12] = {ATTRIBUTE_SPARSE_TENSORS, false},
    [13] = {ATTRIBUTE_TP, true},
    [14] = {ATTRIBUTE_TYPE_PROTOS, false},
};

err_t rule_attribute(struct scan *s, struct scan_frame *f)
{
    const struct attribute_type *type = &attribute_types[f->cells[ATTRIBUTE_TYPE].number];

    if (f->cells[ATTRIBUTE_NAME].bytes.len == 0)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "name is missing");
    if (f->cells[ATTRIBUTE_TYPE].number == 0)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "type is missing");
    if (f->chosen == ATTRIBUTE_REF_NAME) {
        if (s->frames[1].id != MSG_FUNCTION)
            return scan_refuse(s, ERR_MODEL_MALFORMED, "ref_attr_name outside a function");
        return OK;
    }
    if (f->chosen < 0 ? type->needed : f->chosen != type->field)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "the value is not of the type that type says");
    return OK;
}
