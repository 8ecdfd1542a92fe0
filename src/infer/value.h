/* Values: from payloads (tensor/values.h) to ONNX Runtime's, and back. */
#ifndef VERONNX_INFER_VALUE_H
#define VERONNX_INFER_VALUE_H

#include "infer/ort.h"
#include "tensor/values.h"

/* Set-up once; borrowed by every value that is made. */
struct value_maker {
    OrtMemoryInfo *memory;
    OrtAllocator *allocator;
};
err_t value_maker_init(struct value_maker *m);

/* Accepts a pointer to NULL. */
void value_release(OrtValue **value);

/* A tensor over a payload that payload_check has passed. Numbers are not copied: `payload` must be aligned to their
   size and outlive the value. ERR_NOMEM; ERR_DTYPE_UNSUPPORTED for what is not a tensor, because no request form
   carries it. */
err_t value_make(const struct value_maker *m, const struct value_desc *d, struct view payload, OrtValue **ret);

/* An output as it will be published. */
struct output {
    struct value_desc desc; /* its dims stand in `dims` */
    int64_t dims[DESC_MAX_RANK];
    struct view payload; /* borrowed from the value, or from `encoded` */
    uint8_t *encoded;    /* owned; NULL for tensors of numbers */
};
void output_done(struct output *o);

/* `value` may be NULL (an optional output that was not made). The type must be the declared one:
   ERR_OUTPUT_UNSUPPORTED. ERR_OUTPUT_TOO_LARGE when the payload is longer than `max`, ERR_NOMEM. */
err_t output_read(const struct value_maker *m, const OrtValue *value, const struct value_desc *declared, size_t max,
                  struct output *ret);

#endif
