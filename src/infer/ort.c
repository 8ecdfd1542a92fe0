/* Loading the library, making the environment, and reading the errors. */
#include "infer/ort.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define ORT_PATH_MAX 4096

const OrtApi *ort;

/* ── the library ── */

/* The tables of the library stay for the life of the process, so the handle is not kept. */
static err_t open_library(const char *path, struct ort_library *ret)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return ERR_USAGE;
    const OrtApiBase *(*get_base)(void) = NULL;
    *(void **)&get_base = dlsym(handle, "OrtGetApiBase");
    if (get_base == NULL)
        return ERR_USAGE;
    ort = get_base()->GetApi(ORT_API_VERSION);
    if (ort == NULL)
        return ERR_USAGE;
    *ret = (struct ort_library){get_base()->GetVersionString(), ort->GetBuildInfoString()};
    return OK;
}

err_t ort_open(const char *root, struct ort_library *ret)
{
    static const char *const places[] = {"", "/lib/libonnxruntime.so.1", "/lib/libonnxruntime.so",
                                         "/libonnxruntime.so.1", "/libonnxruntime.so"};
    char path[ORT_PATH_MAX];
    if (root == NULL)
        return open_library("libonnxruntime.so.1", ret);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        int n = snprintf(path, sizeof(path), "%s%s", root, places[i]);
        if (n > 0 && (size_t)n < sizeof(path) && open_library(path, ret) == OK)
            return OK;
    }
    return ERR_USAGE;
}

/* ── the environment ── */

/* The default logger opens /etc/localtime at the first error, for which the jail would kill us. */
static void ORT_API_CALL say_nothing(void *self UNUSED, OrtLoggingLevel severity UNUSED, const char *category UNUSED,
                                     const char *id UNUSED, const char *place UNUSED, const char *text UNUSED)
{
}

static err_t set_threads(OrtThreadingOptions *options, int threads)
{
    TRY(ort_load_result(ort->SetGlobalIntraOpNumThreads(options, threads)));
    TRY(ort_load_result(ort->SetGlobalInterOpNumThreads(options, 1)));
    return ort_load_result(ort->SetGlobalSpinControl(options, 0));
}

static void release_options(OrtThreadingOptions **options)
{
    ort->ReleaseThreadingOptions(*options);
}

err_t ort_env_new(unsigned threads, OrtEnv **ret)
{
    AUTO(release_options) OrtThreadingOptions *options = NULL;
    OrtEnv *env = NULL;
    TRY(ort_load_result(ort->CreateThreadingOptions(&options)));
    TRY(set_threads(options, (int)threads));
    TRY(ort_load_result(ort->CreateEnvWithCustomLoggerAndGlobalThreadPools(say_nothing, NULL, ORT_LOGGING_LEVEL_FATAL,
                                                                           "veronnx", options, &env)));
    *ret = env;
    return OK;
}

/* ── errors ── */

/* By these texts of ONNX Runtime and the C++ library a lack of memory is told from other failures, which have the same
   code. A model can put such words into its names; it then gets the error that it asked for. */
static const char *const memory_texts[] = {"bad_alloc", "Failed to allocate memory", "Cannot allocate memory"};

err_t ort_fault(enum ort_stage stage, OrtErrorCode code, const char *text)
{
    for (size_t i = 0; i < COUNT_OF(memory_texts); i++)
        if (strstr(text, memory_texts[i]) != NULL)
            return ERR_NOMEM;
    if (stage == ORT_STAGE_RUN)
        return ERR_RUN_FAILED;
    return code == ORT_INVALID_PROTOBUF || code == ORT_NO_MODEL ? ERR_MODEL_NOT_ONNX : ERR_MODEL_UNSUPPORTED;
}

static err_t take_status(enum ort_stage stage, OrtStatus *status)
{
    if (status == NULL)
        return OK;
    err_t e = ort_fault(stage, ort->GetErrorCode(status), ort->GetErrorMessage(status));
    ort->ReleaseStatus(status);
    return e;
}

err_t ort_load_result(OrtStatus *status)
{
    return take_status(ORT_STAGE_LOAD, status);
}

err_t ort_run_result(OrtStatus *status)
{
    return take_status(ORT_STAGE_RUN, status);
}
