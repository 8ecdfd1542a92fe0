/* The C interface as its documentation shows it. */
#include "bare.h"

#include "base/clock.h"
#include "../unit.h"

#include <dlfcn.h>
#include <onnxruntime_c_api.h>

/* The C library keeps a name of each locale that is found, for ever. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:argz_add_sep";
}

static const OrtApi *api;
static OrtEnv *env;
static OrtAllocator *allocator;
static OrtMemoryInfo *memory;

/* Keeps the text of the first failure. */
static bool good(struct bare_run *r, OrtStatus *status)
{
    if (status == NULL)
        return true;
    if (r != NULL && r->text[0] == '\0')
        (void)snprintf(r->text, sizeof(r->text), "%s", api->GetErrorMessage(status));
    api->ReleaseStatus(status);
    return false;
}

static void set_up(void)
{
    const char *path = getenv("ONNXRUNTIME_ROOT");
    const OrtApiBase *(*get)(void) = NULL;
    OrtThreadingOptions *options = NULL;
    if (api != NULL)
        return;
    void *library = dlopen(path != NULL ? path : "libonnxruntime.so.1", RTLD_NOW);
    assert_non_null(library);
    *(void **)&get = dlsym(library, "OrtGetApiBase");
    api = get()->GetApi(ORT_API_VERSION);
    assert_true(good(NULL, api->CreateThreadingOptions(&options)));
    assert_true(good(NULL, api->SetGlobalIntraOpNumThreads(options, 1)));
    assert_true(good(NULL, api->SetGlobalInterOpNumThreads(options, 1)));
    assert_true(good(NULL, api->CreateEnvWithGlobalThreadPools(ORT_LOGGING_LEVEL_FATAL, "bare", options, &env)));
    assert_true(good(NULL, api->GetAllocatorWithDefaultOptions(&allocator)));
    assert_true(good(NULL, api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory)));
    api->ReleaseThreadingOptions(options);
}

static OrtSession *open_session(struct bare_run *r, const char *path)
{
    OrtSessionOptions *options = NULL;
    OrtSession *session = NULL;
    set_up();
    bool ok = good(r, api->CreateSessionOptions(&options)) && good(r, api->DisablePerSessionThreads(options)) &&
              good(r, api->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL)) &&
              good(r, api->CreateSession(env, path, options, &session));
    api->ReleaseSessionOptions(options);
    return ok ? session : NULL;
}

static OrtValue *make_input(struct bare_run *r, const struct drive_value *v)
{
    OrtValue *value = NULL;
    struct view in = v->payload;
    uint64_t count = 0;
    if (v->desc.type.dtype != DTYPE_STRING) {
        (void)good(r, api->CreateTensorWithDataAsOrtValue(memory, (void *)(uintptr_t)in.data, in.len, v->desc.dims,
                                                          v->desc.rank,
                                                          (ONNXTensorElementDataType)v->desc.type.dtype, &value));
        return value;
    }
    assert_ok(desc_elements(&v->desc, &count));
    assert_true(good(r, api->CreateTensorAsOrtValue(allocator, v->desc.dims, v->desc.rank,
                                                    ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &value)));
    for (uint64_t i = 0; i < count; i++) {
        uint32_t len = 0;
        struct view text = {0};
        assert_ok(view_u32le(&in, &len));
        assert_ok(view_take(&in, len, &text));
        char *copy = mem_alloc(len + 1U, 1);
        memcpy(copy, text.data, len);
        assert_true(good(r, api->FillStringTensorElement(value, copy, i)));
        mem_free(copy);
    }
    return value;
}

static void put_strings(const OrtValue *tensor, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        uint8_t *room = NULL;
        assert_true(good(NULL, api->GetStringTensorElementLength(tensor, i, &len)));
        assert_ok(buf_put_u32le(out, (uint32_t)len));
        assert_ok(buf_reserve(out, len + 1, &room));
        assert_true(good(NULL, api->GetStringTensorElement(tensor, len, i, room)));
        buf_commit(out, len);
    }
}

static void read_tensor(OrtValue *tensor, bool is_item, struct bare_output *o)
{
    OrtTensorTypeAndShapeInfo *info = NULL;
    ONNXTensorElementDataType dtype = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t rank = 0, count = 0;
    void *data = NULL;
    assert_true(good(NULL, api->GetTensorTypeAndShape(tensor, &info)));
    assert_true(good(NULL, api->GetTensorElementType(info, &dtype)));
    assert_true(good(NULL, api->GetDimensionsCount(info, &rank)));
    assert_true(good(NULL, api->GetDimensions(info, o->dims, rank)));
    assert_true(good(NULL, api->GetTensorShapeElementCount(info, &count)));
    api->ReleaseTensorTypeAndShapeInfo(info);
    o->dtype = (uint8_t)dtype;
    o->rank = is_item ? 0 : (uint8_t)rank;
    if (is_item) {
        assert_ok(buf_put_u8(&o->payload, (uint8_t)rank));
        for (size_t i = 0; i < rank; i++)
            assert_ok(buf_put_u64le(&o->payload, (uint64_t)o->dims[i]));
    }
    if (dtype == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) {
        put_strings(tensor, count, &o->payload);
        return;
    }
    assert_true(good(NULL, api->GetTensorMutableData(tensor, &data)));
    assert_non_null(dtype_info(o->dtype));
    assert_ok(buf_put(&o->payload, data, count * dtype_info(o->dtype)->size));
}

static void read_output(struct bare_run *r, OrtValue *value, struct bare_output *o)
{
    enum ONNXType kind = ONNX_TYPE_UNKNOWN;
    size_t count = 0;
    int present = 0;
    o->payload.max = GIB;
    assert_true(good(NULL, api->HasValue(value, &present)));
    o->absent = !present;
    if (!present)
        return;
    assert_true(good(NULL, api->GetValueType(value, &kind)));
    if (kind == ONNX_TYPE_TENSOR) {
        read_tensor(value, false, o);
        return;
    }
    r->has_map = r->has_map || kind != ONNX_TYPE_SEQUENCE;
    assert_true(good(NULL, api->GetValueCount(value, &count)));
    assert_ok(buf_put_u8(&o->payload, TAG_SEQUENCE));
    assert_ok(buf_put_u64le(&o->payload, count));
    for (size_t i = 0; i < count && !r->has_map; i++) {
        OrtValue *item = NULL;
        assert_true(good(NULL, api->GetValue(value, (int)i, allocator, &item)));
        assert_true(good(NULL, api->GetValueType(item, &kind)));
        if (kind == ONNX_TYPE_TENSOR)
            read_tensor(item, true, o);
        else
            r->has_map = true;
        api->ReleaseValue(item);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool run_times(struct bare_run *r, OrtSession *session, const char *const *in_names, OrtValue **in, size_t n_in,
                      const char *const *out_names, OrtValue **out, size_t n_out, unsigned times)
{
    double *us = mem_alloc(times, sizeof(*us));
    bool ok = true;
    for (unsigned t = 0; ok && t < times; t++) {
        for (size_t i = 0; i < n_out; i++) {
            if (out[i] != NULL)
                api->ReleaseValue(out[i]);
            out[i] = NULL;
        }
        uint64_t start = clock_mono_ns();
        ok = good(r, api->Run(session, NULL, in_names, (const OrtValue *const *)in, n_in, out_names, n_out, out));
        us[t] = (double)(clock_mono_ns() - start) / 1000;
    }
    qsort(us, times, sizeof(*us), by_value);
    r->run_us = us[times / 2];
    mem_free(us);
    return ok;
}

void bare_run(const char *path, const struct drive_value *inputs, size_t count, unsigned times, struct bare_run *r)
{
    char in_names[32][256];
    const char *in_list[32];
    OrtValue *in[32] = {NULL};
    *r = (struct bare_run){0};
    OrtSession *session = open_session(r, path);
    if (session == NULL)
        return;
    assert_true(count <= 32);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(in_names[i], sizeof(in_names[i]), "%.*s", (int)inputs[i].desc.name.len,
                       (const char *)inputs[i].desc.name.data);
        in_list[i] = in_names[i];
        in[i] = make_input(r, &inputs[i]);
    }
    assert_true(good(NULL, api->SessionGetOutputCount(session, &r->count)));
    char **out_names = mem_alloc(r->count, sizeof(*out_names));
    OrtValue **out = mem_alloc(r->count, sizeof(OrtValue *));
    r->outputs = mem_alloc(r->count, sizeof(*r->outputs));
    for (size_t i = 0; i < r->count; i++)
        assert_true(good(NULL, api->SessionGetOutputName(session, i, allocator, &out_names[i])));
    r->ok = run_times(r, session, in_list, in, count, (const char *const *)out_names, out, r->count, times);
    for (size_t i = 0; i < r->count; i++) {
        if (r->ok)
            read_output(r, out[i], &r->outputs[i]);
        if (out[i] != NULL)
            api->ReleaseValue(out[i]);
        (void)good(NULL, api->AllocatorFree(allocator, out_names[i]));
    }
    for (size_t i = 0; i < count; i++)
        api->ReleaseValue(in[i]);
    mem_free(out_names);
    mem_free(out);
    api->ReleaseSession(session);
}

void bare_run_done(struct bare_run *r)
{
    for (size_t i = 0; r->outputs != NULL && i < r->count; i++)
        buf_done(&r->outputs[i].payload);
    mem_free(r->outputs);
    *r = (struct bare_run){0};
}

bool bare_inputs(const char *path, char names[32][256], size_t *ret_count)
{
    OrtSession *session = open_session(NULL, path);
    if (session == NULL)
        return false;
    assert_true(good(NULL, api->SessionGetInputCount(session, ret_count)));
    for (size_t i = 0; i < *ret_count && i < 32; i++) {
        char *name = NULL;
        assert_true(good(NULL, api->SessionGetInputName(session, i, allocator, &name)));
        (void)snprintf(names[i], sizeof(names[i]), "%s", name);
        (void)good(NULL, api->AllocatorFree(allocator, name));
    }
    api->ReleaseSession(session);
    return *ret_count <= 32;
}
