/* ONNX Runtime: loaded at run time, set up once, and its errors put into ours. */
#ifndef VERONNX_INFER_ORT_H
#define VERONNX_INFER_ORT_H

#include "base/err.h"

#include <onnxruntime_c_api.h>

/* The interface. Set by ort_open before there is a second thread, constant afterwards. */
extern const OrtApi *ort;

struct ort_library {
    const char *version; /* "1.30.0"; borrowed from the library */
    const char *build;   /* one line: branch, commit, options */
};

/* Loads the library: `root` is the file or a folder that has it (in lib/ or directly); NULL: libonnxruntime.so.1 of the
   system. ERR_USAGE when there is none or it is older than the header. ORT_DISABLE_TELEMETRY=1 must be set by now. */
err_t ort_open(const char *root, struct ort_library *ret);

/* The environment, once and for the life of the process: says nothing, and has `threads` threads for the inside of
   operators (1: the calling thread alone), which sleep when idle. Reads /proc/cpuinfo and /sys. */
err_t ort_env_new(unsigned threads, OrtEnv **ret);

/* What a status of ONNX Runtime means while a model is loaded or run. Its text is looked at, never passed on. Loading:
   ERR_NOMEM, ERR_MODEL_NOT_ONNX, ERR_MODEL_UNSUPPORTED. Running: ERR_NOMEM, ERR_RUN_FAILED. */
enum ort_stage { ORT_STAGE_LOAD, ORT_STAGE_RUN };
err_t ort_fault(enum ort_stage stage, OrtErrorCode code, const char *text);

/* The same for a returned status, which is released; NULL is OK. */
err_t ort_load_result(OrtStatus *status);
err_t ort_run_result(OrtStatus *status);

#endif
