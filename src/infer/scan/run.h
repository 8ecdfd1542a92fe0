/* The walk over nested messages: checks each field against its row of the schema and keeps, for every message that is
   open, how often each field stood and its last value. Rules look at that when a message ends. */
#ifndef VERONNX_INFER_SCAN_RUN_H
#define VERONNX_INFER_SCAN_RUN_H

#include "infer/scan/names.h"
#include "infer/scan/scan.h"
#include "infer/scan/schema.h"

#define SCAN_DEPTH_MAX 100 /* protobuf's own limit */

struct scan_cell {
    uint64_t count;    /* elements */
    int64_t number;    /* integers: the last one; KIND_SIZE: the product of all that are not 0 */
    struct view bytes; /* strings: the last one; messages: the name of the last one */
    bool packed;       /* the elements stood in one packed run */
    bool zero;         /* KIND_SIZE: one was 0 */
};

struct scan_frame {
    enum schema_id id;
    unsigned at;       /* index of the field being read */
    int chosen;        /* index of the one_of field that stands, or -1 */
    size_t names_base; /* names of this message's elements begin here */
    struct view rest;
    struct scan_cell cells[SCHEMA_FIELDS_MAX];
};

/* What a sparse tensor has to know of its two parts. */
struct tensor_facts {
    uint64_t elements;
    uint64_t rank;
    int64_t type;
};

struct scan {
    const struct scan_policy *policy;
    struct why *why;
    struct scan_info info;              /* grows as messages end */
    struct scan_opsets function_opsets; /* of the function that is open */
    struct names names;
    uint64_t messages;
    uint64_t strings;
    struct tensor_facts parts[2]; /* of the sparse tensor that is open: SPARSE_VALUES, SPARSE_INDICES */
    unsigned depth;
    struct scan_frame frames[SCAN_DEPTH_MAX];
};

/* From a zeroed struct with `policy` and `why` set; call scan_done in any case. After a failure frames[0] holds what
   was seen of the outermost message. */
err_t scan_run(struct scan *s, struct view file);
void scan_done(struct scan *s);

/* For the rules: writes "place: sentence" and returns `e`. The sentence is made of literals and integers. */
err_t scan_refuse(const struct scan *s, err_t e, const char *format, ...) PRINTF(3, 4);

#endif
