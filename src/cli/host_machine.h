/* What an enclave runs in: Nitro, by nitro-cli, or QEMU's emulation of it with a vsock device in user space. */
#ifndef VERONNX_CLI_HOST_MACHINE_H
#define VERONNX_CLI_HOST_MACHINE_H

#include "cli/host_folder.h"

/* Unknown: nobody could be asked. What may run counts as running. */
enum life { LIFE_GONE, LIFE_RUNS, LIFE_UNKNOWN };

struct machine {
    const char *name;
    const char *reach; /* the usual form of an address; NULL: a socket of the folder */
    /* Writes what it started into `e`. On an error, with a sentence, `stop` ends what may be there. */
    err_t (*start)(const struct host_folder *f, const struct host_settings *s, struct enclave *e, struct why *why);
    enum life (*life)(const struct enclave *e);
    /* ERR_CLOSED or ERR_TIMEOUT, with a sentence, when it may still run. */
    err_t (*stop)(const struct enclave *e, struct why *why);
};

const struct machine *machine_of(const struct host_settings *s);
/* The form of addresses when nobody says another one. */
void machine_reach(const struct host_folder *f, struct host_settings *s);

#endif
