/* The plan of a test's faults, in a file that the test and all processes of its node have mapped. The file is `faults` beside
   the executables; test/shim/shim.py writes it. */
#ifndef VERONNX_TEST_SHIM_H
#define VERONNX_TEST_SHIM_H

#include <stdint.h>

#define SHIM_RULES 16

struct shim_rule {
    uint32_t on;
    int32_t error;   /* errno, or 0: what moves bytes moves no more than `amount`; clocks go `amount` ms beside the time */
    int64_t amount;
    uint64_t first;  /* of these calls the first one that is struck, from 0 */
    uint64_t every;  /* and from there each so manyth */
    uint64_t most;   /* times in all */
    uint64_t seen;   /* calls so far, of all processes of the role */
    uint64_t struck; /* those that came to harm */
    char role[16];   /* as the executable's name ends, or "admin"; "*" for all but the simulated security module */
    char call[16];
};

#endif
