/* What veronnx-nsm and veronnx-nsm-sim have in common: one gets its device from the supervisor, the other makes one;
   both then answer the keeper's requests, one at a time, and nobody else's. One thread, no files after the start. */
#ifndef VERONNX_NSM_PROCESS_H
#define VERONNX_NSM_PROCESS_H

#include "base/role.h"
#include "jail/jail.h"
#include "nsm/device.h"
#include "wire/frame.h"

/* What the supervisor has handed over. -1: nothing. */
struct nsm_given {
    int device;             /* /dev/nsm */
    int state;              /* the state folder */
    struct wire_end module; /* to the keeper */
};

/* How an executable differs. `open` may still open files; a descriptor that it needs no longer it closes. */
struct nsm_kind {
    enum role role;
    enum jail_row row;
    err_t (*open)(struct nsm_given *given, struct nsm_device *ret);
};

/* Runs on the inherited descriptors (3 control, 4 log) until the control channel or the keeper's ends. Returns the exit
   status. */
int process_run(const struct nsm_kind *kind);

/* The executables' main functions, without what every child does first. */
int nsm_main(void);
int nsm_sim_main(void);

#endif
