/* Every limit: what just fits passes, one more is refused; and memory that ends at any allocation. */
#include "unit.h"

/* One model that has three of everything. */
static void put_three_of_everything(struct buf *model)
{
    AUTO_MESSAGE graph = MESSAGE, inner = MESSAGE, innermost = MESSAGE, tensor = MESSAGE, tensor2 = MESSAGE,
                 node = MESSAGE;

    put_int(&tensor, 1, 1);
    put_int(&tensor, 1, 1);
    put_int(&tensor, 1, 1);
    put_int(&tensor, 2, 2);
    put_text(&tensor, 9, "w");
    assert_ok(buf_put_view(&tensor2, buf_view(&tensor)));
    put_text(&tensor, 8, "abc");
    put_text(&node, 4, "If");
    put_text(&node, 6, "txt");
    for (char name = 'a'; name < 'd'; name++) {
        AUTO_MESSAGE attribute = MESSAGE;

        put_bytes(&attribute, 1, view_of(&name, 1));
        put_message(&attribute, name == 'a' ? 6 : 5, name == 'a' ? &innermost : &tensor2);
        put_int(&attribute, 20, name == 'a' ? 5 : 4);
        put_message(&node, 5, &attribute);
    }
    put_message(&inner, 1, &node);
    buf_clear(&node);
    put_text(&node, 4, "If");
    for (unsigned i = 0; i < 3; i++)
        put_text(&node, 2, "out");
    AUTO_MESSAGE body = MESSAGE;
    put_text(&body, 1, "body");
    put_message(&body, 6, &inner);
    put_int(&body, 20, 5);
    put_message(&node, 5, &body);
    put_message(&graph, 1, &node);
    buf_clear(&node);
    put_text(&node, 4, "Add");
    put_message(&graph, 1, &node);
    put_message(&graph, 5, &tensor);
    put_model(model, &graph);
}

/* What that model needs of each limit, counted by hand. */
static const struct scan_limits needed = {
    .nodes = 3,
    .tensors = 3,
    .messages = 15, /* the model, 3 graphs, 3 nodes, 4 attributes, 3 tensors, 1 import */
    .strings = 3,
    .attributes = 3,
    .rank = 3,
    .subgraphs = 3,
    .name_len = 4, /* "body" */
    .text_len = 3,
};

static void just_fits(void **state UNUSED)
{
    AUTO_MESSAGE model = MESSAGE;
    struct scan_policy policy = {.limits = needed};
    struct scan_info info = {0};

    put_three_of_everything(&model);
    assert_ok(scan_with(&model, &policy, &info, NULL));
    assert_int_equal(info.nodes, 3);
    assert_int_equal(info.tensors, 3);
    assert_int_equal(info.tensor_bytes, 3);
}

static void one_less(void **state UNUSED)
{
    AUTO_MESSAGE model = MESSAGE;
    struct scan_limits limits = needed;
    struct scan_policy policy = {0};
    struct scan_info info = {0};
    uint64_t *const counts[] = {&limits.nodes,      &limits.tensors, &limits.messages, &limits.strings,
                                &limits.attributes, &limits.rank,    &limits.subgraphs};
    size_t *const lengths[] = {&limits.name_len, &limits.text_len};

    put_three_of_everything(&model);
    for (size_t i = 0; i < COUNT_OF(counts) + COUNT_OF(lengths); i++) {
        limits = needed;
        if (i < COUNT_OF(counts))
            --*counts[i];
        else
            --*lengths[i - COUNT_OF(counts)];
        policy.limits = limits;
        assert_err(scan_with(&model, &policy, &info, NULL), ERR_MODEL_LIMIT);
    }
}

/* The rank of a declared shape has the same limit. */
static void rank_of_a_shape(void **state UNUSED)
{
    for (unsigned rank = 32; rank <= 33; rank++) {
        AUTO_MESSAGE shape = MESSAGE, tensor = MESSAGE, type = MESSAGE, input = MESSAGE, graph = MESSAGE,
                     model = MESSAGE;
        struct scan_info info = {0};

        for (unsigned i = 0; i < rank; i++)
            put_text(&shape, 1, "");
        put_message(&tensor, 2, &shape);
        put_message(&type, 1, &tensor);
        put_message(&input, 2, &type);
        put_message(&graph, 11, &input);
        put_model(&model, &graph);
        assert_err(scan_default(&model, &info, NULL), rank == 32 ? OK : ERR_MODEL_LIMIT);
    }
}

/* `depth` sequences in each other, as the type of an input. */
static err_t scan_nested_type(unsigned depth, struct why *why)
{
    AUTO_MESSAGE type = MESSAGE, input = MESSAGE, graph = MESSAGE, model = MESSAGE;
    struct scan_info info = {0};

    for (unsigned i = 0; i < depth; i++) {
        AUTO_MESSAGE sequence = MESSAGE, outer = MESSAGE;

        put_message(&sequence, 1, &type);
        put_message(&outer, 4, &sequence);
        buf_clear(&type);
        assert_ok(buf_put_view(&type, buf_view(&outer)));
    }
    put_message(&input, 2, &type);
    put_message(&graph, 11, &input);
    put_model(&model, &graph);
    return scan_default(&model, &info, why);
}

/* Model, graph, input and type are four, every sequence with its element two. */
static void depth(void **state UNUSED)
{
    struct why why = {0};

    assert_ok(scan_nested_type(48, NULL));
    assert_err(scan_nested_type(49, &why), ERR_MODEL_LIMIT);
    assert_non_null(strstr(why.text, ".sequence_type.elem_type: more than 100 messages inside each other"));
    assert_true(strlen(why.text) < sizeof(why.text) - 1);
}

static void too_large_for_protobuf(void **state UNUSED)
{
    struct scan_policy policy = {.limits = SCAN_LIMITS_DEFAULT};
    struct scan_info info = {0};
    struct view huge = view_of("\x08\x08\x3a\x00\x42\x00\x00\x00", (size_t)INT32_MAX + 1); /* only the start is read */

    assert_err(scan_model(huge, &policy, &info, NULL), ERR_MODEL_TOO_LARGE);
}

static void memory_ends(void **state UNUSED)
{
    AUTO_MESSAGE model = MESSAGE;
    struct scan_info info = {0};
    err_t e = ERR_NOMEM;
    long n = 0;

    put_three_of_everything(&model);
    for (; e == ERR_NOMEM && n < 100; n++) {
        mem_fail_after(n);
        e = scan_default(&model, &info, NULL);
        mem_fail_after(-1);
    }
    assert_ok(e);
    assert_in_range(n, 3, 10); /* the state, the names, and then success */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(just_fits),
        cmocka_unit_test(one_less),
        cmocka_unit_test(rank_of_a_shape),
        cmocka_unit_test(depth),
        cmocka_unit_test(too_large_for_protobuf),
        cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
