/* Every allocation on the way from ONNX Runtime's values and types to ours, failed in turn: an error, and nothing is lost. */
#include "base/fd.h"
#include "infer/session.h"
#include "infer/value.h"
#include "../unit.h"

#include <fcntl.h>
#include <unistd.h>

static struct value_maker maker;
static OrtEnv *env;

static int open_runtime(void **state UNUSED)
{
    struct ort_library library;
    assert_ok(ort_open(getenv("ONNXRUNTIME_ROOT"), &library));
    assert_ok(ort_env_new(1, &env));
    assert_ok(value_maker_init(&maker));
    return 0;
}

/* ── values ── */

static OrtValue *tensor(enum dtype dtype, size_t count, const void *payload, size_t len)
{
    const int64_t dims[] = {(int64_t)count};
    const struct value_desc d = {.type = {.dtype = (uint8_t)dtype}, .rank = 1, .dims = dims};
    OrtValue *ret = NULL;
    assert_ok(value_make(&maker, &d, view_of(payload, len), &ret));
    return ret;
}

static const int64_t numbers[] = {7, -1};
static const char texts[] = "\2\0\0\0ab\0\0\0\0";

static OrtValue *texts_value(void)
{
    return tensor(DTYPE_STRING, 2, texts, sizeof(texts) - 1);
}

static OrtValue *numbers_value(void)
{
    return tensor(DTYPE_INT64, 2, numbers, sizeof(numbers));
}

static OrtValue *of_two(enum ONNXType type, OrtValue *first, OrtValue *second)
{
    const OrtValue *const parts[] = {first, second};
    OrtValue *ret = NULL;
    assert_ok(ort_run_result(ort->CreateValue(parts, 2, type, &ret)));
    value_release(&first);
    value_release(&second);
    return ret;
}

/* int64 to float: of those ONNX Runtime makes sequences too. */
static OrtValue *map_value(void)
{
    static const float floats[] = {0.5F, -2};
    return of_two(ONNX_TYPE_MAP, numbers_value(), tensor(DTYPE_FLOAT, 2, floats, sizeof(floats)));
}

static OrtValue *sequence_value(void)
{
    return of_two(ONNX_TYPE_SEQUENCE, texts_value(), texts_value());
}

static OrtValue *maps_value(void)
{
    return of_two(ONNX_TYPE_SEQUENCE, map_value(), map_value());
}

static void fails_for_each_value(void **state UNUSED)
{
    static const struct {
        OrtValue *(*make)(void);
        struct value_type type;
        size_t payload; /* docs/receipts.md, "Contents" */
    } rows[] = {
        {numbers_value, {.kind = VALUE_TENSOR, .dtype = DTYPE_INT64}, 16},
        {texts_value, {.kind = VALUE_TENSOR, .dtype = DTYPE_STRING}, 10},
        {sequence_value, {.kind = VALUE_SEQUENCE, .dtype = DTYPE_STRING}, 9 + 2 * (1 + 8 + 10)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct value_desc declared = {.name = view_of("y", 1), .type = rows[i].type};
        AUTO(value_release) OrtValue *value = rows[i].make();
        struct output o = {0};
        err_t e = ERR_NOMEM;
        long failed = -1;
        for (; e == ERR_NOMEM; failed++) {
            mem_fail_after(failed + 1);
            e = output_read(&maker, value, &declared, 1000, &o);
            mem_fail_after(-1);
            if (e == ERR_NOMEM)
                output_done(&o);
        }
        assert_ok(e);
        assert_int_equal(o.payload.len, rows[i].payload);
        assert_true(rows[i].type.dtype == DTYPE_INT64 ? failed == 0 : failed > 0);
        output_done(&o);
        assert_err(output_read(&maker, value, &declared, rows[i].payload - 1, &o), ERR_OUTPUT_TOO_LARGE);
        output_done(&o);
    }
}

static void fails_for_each_map(void **state UNUSED)
{
    static const struct {
        OrtValue *(*make)(void);
        enum value_kind kind;
        size_t payload;
    } rows[] = {{map_value, VALUE_MAP, 9 + 2 * 12}, {maps_value, VALUE_MAP_SEQUENCE, 9 + 2 * (9 + 2 * 12)}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct value_type type = {.kind = rows[i].kind, .key = DTYPE_INT64, .dtype = DTYPE_FLOAT};
        const struct value_desc declared = {.name = view_of("y", 1), .type = type};
        AUTO(value_release) OrtValue *value = rows[i].make();
        struct output o = {0};
        err_t e = ERR_NOMEM;
        for (long n = 0; e == ERR_NOMEM; n++) {
            mem_fail_after(n);
            e = output_read(&maker, value, &declared, 1000, &o);
            mem_fail_after(-1);
            if (e == ERR_NOMEM)
                output_done(&o);
        }
        assert_ok(e);
        assert_int_equal(o.payload.len, rows[i].payload);
        output_done(&o);
    }
}

/* What a model declares must be what comes out. */
static void another_type_than_declared(void **state UNUSED)
{
    static const struct value_type wrong[] = {
        {.kind = VALUE_TENSOR, .dtype = DTYPE_UINT64},
        {.kind = VALUE_TENSOR, .dtype = DTYPE_STRING},
        {.kind = VALUE_SEQUENCE, .dtype = DTYPE_INT64},
        {.kind = VALUE_MAP, .key = DTYPE_INT64, .dtype = DTYPE_INT64},
    };
    AUTO(value_release) OrtValue *value = numbers_value();
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const struct value_desc declared = {.name = view_of("y", 1), .type = wrong[i]};
        struct output o = {0};
        assert_err(output_read(&maker, value, &declared, 1000, &o), ERR_OUTPUT_UNSUPPORTED);
        assert_err(output_read(&maker, NULL, &declared, 1000, &o), ERR_OUTPUT_UNSUPPORTED);
        output_done(&o);
    }
}

/* ── what a model declares ── */

static void fails_for_each_declaration(void **state UNUSED)
{
    static const char *const models[] = {"tiny", "zipmap_int", "zipmap_string", "split", "present"};
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        char path[1024], file[64 * KIB];
        struct session s = {0};
        long failed = -1;
        (void)snprintf(path, sizeof(path), "%s/%s.onnx", getenv("VERONNX_MODELS"), models[i]);
        AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, file, sizeof(file));
        assert_in_range(n, 1, sizeof(file) - 1);
        err_t e = ERR_NOMEM;
        for (; e == ERR_NOMEM; failed++) {
            mem_fail_after(failed + 1);
            e = session_new(env, view_of(file, (size_t)n), &s, NULL);
            mem_fail_after(-1);
        }
        assert_ok(e);
        assert_true(failed >= 6); /* three for each side at least */
        session_done(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fails_for_each_value),
        cmocka_unit_test(fails_for_each_map),
        cmocka_unit_test(another_type_than_declared),
        cmocka_unit_test(fails_for_each_declaration),
    };
    return cmocka_run_group_tests_name("outputs", tests, open_runtime, NULL);
}
