/* How a model is loaded and what it declares. */
#ifndef VERONNX_INFER_SESSION_H
#define VERONNX_INFER_SESSION_H

#include "base/fd.h"
#include "infer/ort.h"
#include "tensor/desc.h"

#define ENGINE_TEXT_MAX 230 /* leaves room in ENGINE_MAX for what the supervisor adds */

/* What stands in every receipt beside a model's outputs: ONNX Runtime's build, the instruction set, the threads inside
   operators, and every option of the session, from the same table that session_new reads. ERR_TOO_LARGE. */
err_t session_engine(const struct ort_library *library, unsigned threads, char ret[static ENGINE_TEXT_MAX]);

/* A loaded model. */
struct session {
    OrtSession *ort;
    struct signature signature;
    const char **input_names;  /* as in the signature; NUL-terminated */
    const char **output_names;
    struct map prepared; /* what its weights lie in, if it came from a prepared form */
};

/* From a file that was scanned; it may be unmapped afterwards. ERR_NOMEM, ERR_MODEL_UNSUPPORTED, ERR_MODEL_NOT_ONNX,
   ERR_DTYPE_UNSUPPORTED (an input's type), ERR_OUTPUT_UNSUPPORTED, ERR_MODEL_LIMIT (the signature is too large). */
err_t session_new(OrtEnv *env, struct view file, struct session *ret, struct why *why);
/* From the prepared form that session_save made of such a file, on this machine and with this library: a malformed one can do whatever code
   can. Takes the mapping over unless it fails. */
err_t session_prepared(OrtEnv *env, struct map *file, struct session *ret, struct why *why);
/* Writes the prepared form (ONNX Runtime's own format, of the graph after all optimizations) of a scanned file to `path`. */
err_t session_save(OrtEnv *env, struct view file, const char *path);
/* Makes a session of a model of our own and lets go of it: what ONNX Runtime sets up for the first session of a process (its tables of
   operators and kernels, 4 ms) is there before a model is. */
err_t session_warm(OrtEnv *env);
/* Accepts a zeroed struct. */
void session_done(struct session *s);

#endif
