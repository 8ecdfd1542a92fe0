/* Tensors from files, byte by byte from numpy.lib.format and onnx.proto, and everything that is refused. */
#include "base/mem.h"
#include "cli/tensors.h"
#include "unit.h"

#define TEXT(bytes) (bytes), sizeof(bytes) - 1

static struct tensor_arg none(void)
{
    return (struct tensor_arg){.name = mem_copy("x", 2)};
}

static void done(struct tensor_arg *t)
{
    struct tensor_args args = {.items = {*t}, .count = 1};
    tensor_args_done(&args);
}

/* ── .npy ── */

/* Version 1: magic, two bytes of length, the dictionary; then the elements. */
static struct view npy(const char *dictionary, size_t elements)
{
    static uint8_t file[8192];
    size_t n = strlen(dictionary);
    memset(file, 0, sizeof(file));
    memcpy(file, "\x93NUMPY\x01\x00", 8);
    file[8] = (uint8_t)n;
    file[9] = (uint8_t)(n >> 8);
    assert_true(10 + n + elements <= sizeof(file));
    memcpy(file + 10, dictionary, n);
    for (size_t i = 0; i < elements; i++)
        file[10 + n + i] = (uint8_t)i;
    return view_of(file, 10 + n + elements);
}

static void test_npy(void **state UNUSED)
{
    static const struct {
        const char *dictionary;
        size_t bytes;
        enum dtype dtype;
        uint8_t rank;
        uint64_t count;
    } good[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }          \n", 12, DTYPE_FLOAT, 1, 3},
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }\n", 48, DTYPE_INT64, 2, 6},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (), }\n", 1, DTYPE_BOOL, 0, 1},
        {"{'shape':(0,7),'descr':'<f8','fortran_order':False}", 0, DTYPE_DOUBLE, 2, 0},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct tensor_arg t = none();
        struct view file = npy(good[i].dictionary, good[i].bytes);
        assert_ok(tensor_from_npy(file, &t, NULL));
        assert_int_equal(t.dtype, good[i].dtype);
        assert_int_equal(t.rank, good[i].rank);
        assert_int_equal(t.count, good[i].count);
        assert_int_equal(t.payload.len, good[i].bytes);
        for (size_t k = 0; k < good[i].bytes; k++)
            assert_int_equal(t.payload.data[k], k);
        done(&t);
    }
}

static void test_npy_versions(void **state UNUSED)
{
    static const char head[] = "\x93NUMPY\x02\x00\x36\x00\x00\x00{'descr': '|u1', 'fortran_order': False, 'shape': ()}\nA";
    for (uint8_t version = 0; version < 5; version++) {
        char file[sizeof(head)];
        struct tensor_arg t = none();
        memcpy(file, head, sizeof(head));
        file[6] = (char)version;
        err_t e = tensor_from_npy(view_of(file, sizeof(file) - 1), &t, NULL);
        assert_err(e, version == 2 || version == 3 ? OK : ERR_USAGE);
        done(&t);
    }
}

static void test_npy_refused(void **state UNUSED)
{
    static const char *const wrong[] = {
        "", "{}", "{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4', 'shape': (3,)}",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (3,)}", "{'descr': '<f16', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (3,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (3)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x", "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (03,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (3 3,)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (3,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (3,,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4, 4)}",
        "'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct tensor_arg t = none();
        struct why why = {{0}};
        struct view file = npy(wrong[i], 12);
        if (tensor_from_npy(file, &t, &why) != ERR_USAGE || why.text[0] == '\0')
            fail_msg("%s", wrong[i]);
        done(&t);
    }
}

static void test_npy_cut(void **state UNUSED)
{
    struct view file = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n", 12);
    for (size_t n = 0; n < file.len; n++) {
        struct tensor_arg t = none();
        void *part = mem_copy(file.data, n); /* so that a sanitizer sees the end */
        assert_err(tensor_from_npy(view_of(part, n), &t, NULL), ERR_USAGE);
        mem_free(part);
        done(&t);
    }
}

/* ── TensorProto ── */

static void test_pb(void **state UNUSED)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum dtype dtype;
        uint8_t rank;
        uint64_t count;
        const char *payload;
        size_t payload_len;
    } good[] = {
        /* raw_data in front of what says what it is */
        {TEXT("\x4a\x04\x00\x00\x80\x3f\x10\x01\x08\x01"), DTYPE_FLOAT, 1, 1, TEXT("\x00\x00\x80\x3f")},
        /* packed and single dims; a name, a text for people */
        {TEXT("\x0a\x01\x02\x08\x01\x10\x02\x4a\x02\x05\x06\x42\x01x\x62\x02hi"), DTYPE_UINT8, 2, 2, TEXT("\x05\x06")},
        /* int32_data: packed, single, negative */
        {TEXT("\x08\x03\x10\x03\x2a\x01\x7f\x28\x80\xff\xff\xff\xff\xff\xff\xff\xff\x01\x28\x01"), DTYPE_INT8, 1, 3,
         TEXT("\x7f\x80\x01")},
        {TEXT("\x10\x0a\x28\x80\x78"), DTYPE_FLOAT16, 0, 1, TEXT("\x00\x3c")},
        {TEXT("\x10\x09\x28\x01"), DTYPE_BOOL, 0, 1, TEXT("\x01")},
        {TEXT("\x10\x07\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), DTYPE_INT64, 0, 1, TEXT("\xff\xff\xff\xff\xff\xff\xff\xff")},
        {TEXT("\x10\x0c\x58\xff\xff\xff\xff\x0f"), DTYPE_UINT32, 0, 1, TEXT("\xff\xff\xff\xff")},
        {TEXT("\x10\x01\x25\x00\x00\x80\x3f"), DTYPE_FLOAT, 0, 1, TEXT("\x00\x00\x80\x3f")},
        {TEXT("\x10\x0b\x52\x08\x00\x00\x00\x00\x00\x00\xf0\x3f"), DTYPE_DOUBLE, 0, 1, TEXT("\x00\x00\x00\x00\x00\x00\xf0\x3f")},
        {TEXT("\x10\x08\x08\x02\x32\x00\x32\x02hi"), DTYPE_STRING, 1, 2, TEXT("\x00\x00\x00\x00\x02\x00\x00\x00hi")},
        {TEXT("\x10\x01\x08\x00"), DTYPE_FLOAT, 1, 0, TEXT("")},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct tensor_arg t = none();
        assert_ok(tensor_from_pb(view_of(good[i].bytes, good[i].len), &t, NULL));
        assert_int_equal(t.dtype, good[i].dtype);
        assert_int_equal(t.rank, good[i].rank);
        assert_int_equal(t.count, good[i].count);
        assert_int_equal(t.payload.len, good[i].payload_len);
        if (good[i].payload_len > 0)
            assert_memory_equal(t.payload.data, good[i].payload, good[i].payload_len);
        done(&t);
    }
}

static void test_pb_refused(void **state UNUSED)
{
    static const struct {
        const char *bytes;
        size_t len;
    } wrong[] = {
        {TEXT("")},
        {TEXT("\x08\x01\x4a\x04\x00\x00\x80\x3f")},                                     /* no type */
        {TEXT("\x10\x01\x10\x01\x4a\x04\x00\x00\x80\x3f")},                             /* two */
        {TEXT("\x10\x0e\x4a\x08\x00\x00\x80\x3f\x00\x00\x80\x3f")},                     /* complex */
        {TEXT("\x10\x81\x02\x4a\x04\x00\x00\x80\x3f")},                                 /* 257 is not 1 */
        {TEXT("\x15\x01\x00\x00\x00\x4a\x04\x00\x00\x80\x3f")},                         /* the type as a fixed32 */
        {TEXT("\x10\x01\x4a\x04\x00\x00\x80\x3f\x4a\x00")},                             /* raw_data twice */
        {TEXT("\x10\x01\x08\x02\x4a\x04\x00\x00\x80\x3f\x25\x00\x00\x80\x3f")},         /* raw_data and float_data */
        {TEXT("\x10\x01\x28\x01")},                                                     /* a float in int32_data */
        {TEXT("\x10\x08\x4a\x05\x01\x00\x00\x00x")},                                    /* strings in raw_data */
        {TEXT("\x10\x08\x08\x03\x32\x00\x32\x02hi")},                                   /* two strings of three */
        {TEXT("\x10\x03\x28\x80\x01")},                                                 /* 128 as int8 */
        {TEXT("\x10\x03\x28\xff\xff\xff\xff\x0f")},                                     /* 2^32 - 1 as int8 */
        {TEXT("\x10\x02\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},                 /* -1 as uint8 */
        {TEXT("\x10\x09\x28\x02")},                                                     /* 2 as bool */
        {TEXT("\x10\x0a\x28\x80\x80\x04")},                                             /* 17 bits as float16 */
        {TEXT("\x10\x01\x08\x02\x4a\x04\x00\x00\x80\x3f")},                             /* one element of two */
        {TEXT("\x10\x01\x22\x05\x00\x00\x80\x3f\x00")},                                 /* five bytes of floats */
        {TEXT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x01")},                 /* a negative dim */
        {TEXT("\x0d\x01\x00\x00\x00\x10\x01\x4a\x04\x00\x00\x80\x3f")},                 /* a dim as a fixed32 */
        {TEXT("\x10\x01\x4a\x04\x00\x00\x80\x3f\x6a\x00")},                             /* external_data */
        {TEXT("\x10\x01\x4a\x04\x00\x00\x80\x3f\x1a\x00")},                             /* segment */
        {TEXT("\x10\x01\x4a\x04\x00\x00\x80\x3f\xf2\x01\x00")},                         /* a field that is not there */
        {TEXT("\x10\x01\x4a\x04\x00\x00\x80\x3f\x03\x04")},                             /* a group */
        {TEXT("\x90\x00\x01\x4a\x04\x00\x00\x80\x3f")},                                 /* a padded tag */
        {TEXT("\x10\x01\x4a\x05\x00\x00\x80\x3f")},                                     /* beyond the end */
        {TEXT("\x08\x80\x80\x80\x80\x10\x08\x80\x80\x80\x80\x10\x10\x01\x4a\x00")},     /* 2^64 elements */
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct tensor_arg t = none();
        struct why why = {{0}};
        if (tensor_from_pb(view_of(wrong[i].bytes, wrong[i].len), &t, &why) != ERR_USAGE || why.text[0] == '\0')
            fail_msg("case %zu", i);
        done(&t);
    }
}

/* ── JSON ── */

static void test_json(void **state UNUSED)
{
    static const struct {
        const char *json;
        err_t result;
        uint8_t rank;
        uint64_t count;
        bool strings;
    } cases[] = {
        {"1.5", OK, 0, 1, false}, {"[[1,2],[3,4]]", OK, 2, 4, false}, {"[\"a\",\"\"]", OK, 1, 2, true},
        {"[1,\"NaN\"]", OK, 1, 2, false}, {"[]", OK, 1, 0, false}, {"[[],[]]", OK, 2, 0, false},
        {"[true,false]", OK, 1, 2, false}, {"[1,[2]]", ERR_USAGE, 0, 0, false}, {"[[1],[2,3]]", ERR_USAGE, 0, 0, false},
        {"[[1],2]", ERR_USAGE, 0, 0, false}, {"{}", ERR_USAGE, 0, 0, false}, {"[null]", ERR_USAGE, 0, 0, false},
        {"[1", ERR_USAGE, 0, 0, false}, {"", ERR_USAGE, 0, 0, false}, {"1 2", ERR_USAGE, 0, 0, false},
        /* a shape of more elements than there are characters */
        {"[[1,1,1,1,1,1,1,1],1,1,1,1,1,1,1]", ERR_USAGE, 0, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct tensor_args args;
        struct view json = view_of(cases[i].json, strlen(cases[i].json));
        assert_err(tensor_args_add_json(&args, view_of("x", 1), json, NULL), cases[i].result);
        if (cases[i].result == OK) {
            assert_int_equal(args.items[0].rank, cases[i].rank);
            assert_int_equal(args.items[0].count, cases[i].count);
            assert_int_equal(args.items[0].strings, cases[i].strings);
        }
        tensor_args_done(&args);
    }
}

/* ── no memory ── */

static err_t from_npy(struct tensor_arg *t)
{
    return tensor_from_npy(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n", 12), t, NULL);
}

static err_t from_pb(struct tensor_arg *t)
{
    static const char bytes[] = "\x10\x08\x08\x02\x32\x00\x32\x02hi";
    return tensor_from_pb(view_of(bytes, sizeof(bytes) - 1), t, NULL);
}

static void test_no_memory(void **state UNUSED)
{
    static err_t (*const readers[])(struct tensor_arg *) = {from_npy, from_pb};
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        err_t e = ERR_NOMEM;
        long n = 0;
        for (; e == ERR_NOMEM; n++) {
            struct tensor_arg t = none();
            mem_fail_after(n);
            e = readers[i](&t);
            mem_fail_after(-1);
            done(&t);
        }
        assert_ok(e);
        assert_true(n > 1);
    }
}

static void test_no_memory_for_arguments(void **state UNUSED)
{
    static struct tensor_args args;
    err_t e = ERR_NOMEM;
    long n = 0;
    for (; e == ERR_NOMEM; n++) {
        mem_fail_after(n);
        e = tensor_args_add(&args, "x=[[1,2],[3,4]]", NULL);
        mem_fail_after(-1);
        tensor_args_done(&args);
    }
    assert_ok(e);
    assert_int_equal(n, 3); /* the name, the elements */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npy), cmocka_unit_test(test_npy_versions), cmocka_unit_test(test_npy_refused),
        cmocka_unit_test(test_npy_cut), cmocka_unit_test(test_pb), cmocka_unit_test(test_pb_refused),
        cmocka_unit_test(test_json), cmocka_unit_test(test_no_memory), cmocka_unit_test(test_no_memory_for_arguments),
    };
    return cmocka_run_group_tests_name("tensor files", tests, NULL, NULL);
}
