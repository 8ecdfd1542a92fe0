/* The tensor digest against vectors of a second implementation (digest_vectors.py). */
#include "tensor/digest.h"

#include "model.h"

static const struct {
    const char *title;
    const char *descs;
    const char *payloads[4];
    const char *descs_digest;
    const char *digest;
} vectors[] = {
#include "digest_vectors.inc"
};

/* The same values through the code under test. */
static err_t put_floats(struct payload *p)
{
    return payload_put(p, (const float[]){1, -2.5F, 0.1F, 0, -0.0F, 1e-7F}, 6 * sizeof(float));
}

static err_t put_int(struct payload *p)
{
    return payload_put(p, &(int64_t){-5}, sizeof(int64_t));
}

static err_t put_nothing(struct payload *p UNUSED)
{
    return OK;
}

static err_t put_bools(struct payload *p)
{
    return payload_put(p, (const uint8_t[]){1, 0, 1}, 3);
}

static err_t put_halves(struct payload *p)
{
    return payload_put(p, (const uint16_t[]){float16_from_double(1.5), float16_from_double(-65504)}, 4);
}

static err_t put_strings(struct payload *p)
{
    TRY(payload_put_string(p, text_view("")));
    TRY(payload_put_string(p, text_view("a")));
    TRY(payload_put_string(p, text_view("na\xc3\xafve \xe2\x98\x83")));
    return payload_put_string(p, view_of("x\0y", 3));
}

static err_t put_parts(struct payload *p)
{
    TRY(payload_put_sequence(p, 2));
    TRY(payload_put_item(p, 1, (const int64_t[]){2}));
    TRY(payload_put(p, (const int32_t[]){1, 2}, 8));
    TRY(payload_put_item(p, 2, (const int64_t[]){1, 1}));
    return payload_put(p, (const int32_t[]){3}, 4);
}

static const struct value_type labels = {.kind = VALUE_MAP, .key = DTYPE_STRING, .dtype = DTYPE_FLOAT};
static const struct value_type rows = {.kind = VALUE_MAP_SEQUENCE, .key = DTYPE_INT64, .dtype = DTYPE_FLOAT};

static err_t put_labels(struct payload *p)
{
    static const float value[] = {0.25F, 0.5F, 0.125F, 0.125F};
    struct map_pair pairs[] = {
        {text_view("dog"), view_of(&value[0], 4)},
        {text_view("cat"), view_of(&value[1], 4)},
        {text_view("zebra"), view_of(&value[2], 4)},
        {text_view("ox"), view_of(&value[3], 4)},
    };
    return payload_put_map(p, &labels, pairs, COUNT_OF(pairs));
}

static err_t put_rows(struct payload *p)
{
    static const int64_t key[] = {0, 256, -1};
    static const float value[] = {0.5F, 0.25F, 0.25F};
    struct map_pair pairs[] = {
        {view_of(&key[0], 8), view_of(&value[0], 4)},
        {view_of(&key[1], 8), view_of(&value[1], 4)},
        {view_of(&key[2], 8), view_of(&value[2], 4)},
    };
    TRY(payload_put_sequence(p, 2));
    TRY(payload_put_map(p, &rows, pairs, COUNT_OF(pairs)));
    return payload_put_map(p, &rows, NULL, 0);
}

static const struct {
    size_t count;
    struct value_desc descs[4];
    err_t (*put[4])(struct payload *);
} cases[] = {
    {1, {TENSOR("x", DTYPE_FLOAT, 2, 3)}, {put_floats}},
    {4,
     {TENSOR("n", DTYPE_INT64), TENSOR("none", DTYPE_DOUBLE, 2, 0), TENSOR("flags", DTYPE_BOOL, 3),
      TENSOR("half", DTYPE_FLOAT16, 1, 2)},
     {put_int, put_nothing, put_bools, put_halves}},
    {1,
     {TENSOR("gr\xc3\xb6\xc3\x9f"
             "e",
             DTYPE_STRING, 2, 2)},
     {put_strings}},
    {4,
     {{.name = {(const uint8_t *)"parts", 5}, .type = {.kind = VALUE_SEQUENCE, .dtype = DTYPE_INT32}},
      {.name = {(const uint8_t *)"label", 5}, .type = {.kind = VALUE_MAP, .key = DTYPE_STRING, .dtype = DTYPE_FLOAT}},
      {.name = {(const uint8_t *)"rows", 4},
       .type = {.kind = VALUE_MAP_SEQUENCE, .key = DTYPE_INT64, .dtype = DTYPE_FLOAT}},
      {.name = {(const uint8_t *)"rest", 4}, .type = {.optional = true, .dtype = DTYPE_FLOAT}}},
     {put_parts, put_labels, put_rows, put_nothing}},
    {0, {{.rank = 0}}, {NULL}},
};

static void assert_hex(const void *bytes, size_t n, const char *expected)
{
    char *hex = calloc(HEX_LEN(n) + 1, 1);
    assert_non_null(hex);
    hex_encode(bytes, n, hex);
    assert_string_equal(hex, expected);
    free(hex);
}

/* Measures, lays out, writes and compares everything of one case. */
static void check_case(size_t index)
{
    AUTO(value_set_done) struct value_set set = {0};
    uint64_t lens[4] = {0};
    uint8_t area[1024] = {0};
    uint8_t descs_digest[SHA256_LEN];
    uint8_t digest[SHA256_LEN];
    for (size_t i = 0; i < cases[index].count; i++) {
        struct payload count = {.max = sizeof(area)};
        assert_ok(cases[index].put[i](&count));
        lens[i] = count.len;
    }
    assert_ok(value_set_make(cases[index].descs, cases[index].count, lens, sizeof(area), &set));
    assert_hex(set.descs.encoded.data, set.descs.encoded.len, vectors[index].descs);
    for (size_t i = 0; i < cases[index].count; i++) {
        struct payload write = {.data = area + set.places[i].offset, .max = set.places[i].len};
        assert_ok(cases[index].put[i](&write));
        assert_int_equal(write.len, lens[i]);
        assert_hex(write.data, write.len, vectors[index].payloads[i]);
        assert_ok(payload_check(&set.descs.items[i], view_of(write.data, write.len)));
    }
    assert_ok(tensor_digest_of(&set, area, descs_digest, digest));
    assert_hex(descs_digest, SHA256_LEN, vectors[index].descs_digest);
    assert_hex(digest, SHA256_LEN, vectors[index].digest);
}

static void equals_the_vectors(void **state UNUSED)
{
    assert_int_equal(COUNT_OF(vectors), COUNT_OF(cases));
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_case(i);
}

static void hashes_in_pieces(void **state UNUSED)
{
    AUTO(desc_list_done) struct desc_list descs = {0};
    AUTO(tensor_digest_done) struct tensor_digest d = {0};
    uint8_t descs_digest[SHA256_LEN];
    uint8_t digest[SHA256_LEN];
    struct payload floats = {.data = (uint8_t[24]){0}, .max = 24};
    assert_ok(put_floats(&floats));
    assert_ok(desc_list_make(cases[0].descs, 1, &descs));
    assert_ok(tensor_digest_init(&d));
    assert_ok(tensor_digest_begin(&d, &descs, descs_digest));
    assert_ok(tensor_digest_value(&d, 24));
    assert_ok(tensor_digest_bytes(&d, floats.data, 7)); /* of one that is given up: the next one knows nothing of it */
    assert_ok(tensor_digest_begin(&d, &descs, descs_digest));
    assert_ok(tensor_digest_value(&d, 24));
    for (size_t i = 0; i < 24; i += 5)
        assert_ok(tensor_digest_bytes(&d, floats.data + i, MIN(5, 24 - i)));
    assert_ok(tensor_digest_final(&d, digest));
    assert_hex(digest, SHA256_LEN, vectors[0].digest);
}

/* The same descriptors again, others, those that are too long to be remembered, and a remembered beginning of others.
 */
static void knows_descriptors_again(void **state UNUSED)
{
    static char names[][TENSOR_DIGEST_KNOWN_MAX + 2] = {"x", "y", "", "xy"};
    static const int order[] = {0, 0, 1, 0, 2, 2, 0, 0, 3, 0, 3, 3, 2, 1};
    AUTO(tensor_digest_done) struct tensor_digest d = {0};
    memset(names[2], 'n', sizeof(names[2]) - 1);
    assert_ok(tensor_digest_init(&d));
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        AUTO(desc_list_done) struct desc_list descs = {0};
        const struct value_desc one = {.name = text_view(names[order[i]]), .type.dtype = DTYPE_FLOAT};
        uint8_t digest[SHA256_LEN], expected[SHA256_LEN];
        assert_ok(desc_list_make(&one, 1, &descs));
        assert_ok(sha256_of(descs.encoded.data, descs.encoded.len, expected));
        assert_ok(tensor_digest_begin(&d, &descs, digest));
        assert_memory_equal(digest, expected, sizeof(digest));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_vectors),
        cmocka_unit_test(hashes_in_pieces),
        cmocka_unit_test(knows_descriptors_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
