/* ONNX Runtime without this project around it: the oracle. Loaded, set up and read by code of its own. */
#ifndef VERONNX_TEST_INFER_BARE_H
#define VERONNX_TEST_INFER_BARE_H

#include "drive.h"

struct bare_output {
    uint8_t dtype; /* of the elements */
    uint8_t rank;
    int64_t dims[DESC_MAX_RANK];
    bool absent;
    struct buf payload; /* in the form of tensor/values.h */
};

struct bare_run {
    bool ok; /* loaded and ran */
    bool has_map;
    char text[512]; /* ONNX Runtime's, when not ok */
    size_t count;
    struct bare_output *outputs;
    double run_us;
};

/* Loads the file and runs it `times` times on tensors. Default options but for one thread. */
void bare_run(const char *path, const struct drive_value *inputs, size_t count, unsigned times, struct bare_run *ret);
void bare_run_done(struct bare_run *r);

/* Names of the inputs that the model requires, at most 32; false when it does not load. */
bool bare_inputs(const char *path, char names[32][256], size_t *ret_count);

#endif
