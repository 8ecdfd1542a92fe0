/* From a sealed file to a model that can be run. */
#ifndef VERONNX_INFER_LOAD_H
#define VERONNX_INFER_LOAD_H

#include "infer/worker.h"
#include "pull/pull.h"

struct load_params {
    OrtEnv *env;
    struct view domains; /* operator domains that are allowed beside the standard ones, each closed by NUL */
    uint64_t deadline_ms;
    bool prepared;                  /* the file is the prepared form of one that was scanned */
    const struct wire_end *control; /* hears INFER_SCANNED before ONNX Runtime sees the file */
};

/* Scans the sealed file unless it is a prepared form, loads it (once more with more memory when the first attempt ran short), and fills
   crew->session. `file`, zeroed before, is what it was mapped to, and goes with load_tidy. ERR_MODEL_OVER_BUDGET, and what scan_model and
   session_new say. */
err_t load_model(const struct pulled *sealed, const struct load_params *p, struct crew *crew, struct map *file,
                 struct msg_infer_loaded *ret, struct why *why);
/* Gives back what only loading needed: for a model of 100 MB 60,000 pages, so not before it is said that the model is there. */
void load_tidy(struct map *file);

#endif
