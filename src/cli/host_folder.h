/* The run folder of `veronnx host run`: what runs, a file of JSON for veronnx-host and one for each enclave, each
   replaced as a whole. One command at a time works on it. */
#ifndef VERONNX_CLI_HOST_FOLDER_H
#define VERONNX_CLI_HOST_FOLDER_H

#include "cli/process.h"

#include <stdio.h>
#include <yyjson.h>

#define HOST_PATH_MAX     4096
#define HOST_URL_MAX      96
#define HOST_PUBLIC_MAX   13 /* --listen */
#define HOST_ENCLAVES_MAX 8
#define HOST_FOLDER_MAX   64 /* of the folder's path: a Unix socket's is at most 107 */

struct host_folder {
    char path[HOST_FOLDER_MAX + 1];
    int lock;
};
#define HOST_FOLDER_NONE ((struct host_folder){.lock = -1})

/* What `run` was told, and `switch` needs again. */
struct host_settings {
    char qemu[HOST_PATH_MAX];  /* the command; "": nitro-cli */
    char reach[HOST_PATH_MAX]; /* an address with {cid} and {port} */
    uint32_t cpus;
    uint32_t memory_mib;
    bool debug;
};

/* veronnx-host: its rows are the public ones, administration, and the two of a probe, which lead to the enclave that a
   command is at work on. */
struct host_side {
    struct process process;
    struct host_settings settings;
    size_t n_public;
    char public_url[HOST_PUBLIC_MAX][HOST_URL_MAX];
    char admin[HOST_URL_MAX];
    char probe[HOST_URL_MAX];
    char probe_admin[HOST_URL_MAX];
};

enum enclave_state { ENCLAVE_STARTING, ENCLAVE_READY, ENCLAVE_DRAINING, ENCLAVE_STATES_ };
extern const char *const enclave_states[ENCLAVE_STATES_];

#define ENCLAVE_PROCESSES 2
#define ENCLAVE_ID_MAX    128
#define ENCLAVE_PCRS      3
#define ENCLAVE_PCR_MAX   97 /* hexadecimal digits and the end */

struct enclave {
    uint32_t cid; /* its name in the folder, and on EC2 its context id */
    enum enclave_state state;
    char name[ENCLAVE_ID_MAX]; /* what nitro-cli was told; no other enclave has it */
    char id[ENCLAVE_ID_MAX];   /* nitro-cli's; "" under QEMU, and while it has not said it */
    char image[HOST_PATH_MAX];
    char pcr[ENCLAVE_PCRS][ENCLAVE_PCR_MAX];     /* of the image's file */
    struct process processes[ENCLAVE_PROCESSES]; /* under QEMU: the vsock device, the machine */
    uint32_t ready_ms;
    bool simulated; /* its root was saved */
    bool matches;   /* its document has the registers of the image's file */
};

/* To read whole files only; to work on it; the same, and it is made where it is not there. */
enum host_folder_use { HOST_FOLDER_READ, HOST_FOLDER_WORK, HOST_FOLDER_MAKE };

/* `path` NULL: $XDG_RUNTIME_DIR/veronnx, or /run/veronnx for root. ERR_USAGE with a sentence; ERR_CLOSED when there is
   none; ERR_OVERLOADED when another command is at work on it. */
err_t host_folder_open(const char *path, enum host_folder_use use, struct host_folder *ret, struct why *why);
/* Others may work on it until it is taken again. */
err_t host_folder_release(struct host_folder *f);
err_t host_folder_take(struct host_folder *f, struct why *why);
void host_folder_done(struct host_folder *f);

/* `PATH/NAME`; `ret` has room for HOST_PATH_MAX. */
void host_folder_file(const struct host_folder *f, const char *name, char *ret);
/* The same for a file of an enclave: `PATH/CID.ENDING`. */
void host_folder_of(const struct host_folder *f, uint32_t cid, const char *ending, char *ret);
/* A whole file, under its name when it is whole. */
err_t host_folder_put(const char *path, struct view text, struct why *why);

/* What the files hold, as JSON: whatever is not there, or is something else, is 0 or "". ERR_MALFORMED when it is no
 * JSON. */
err_t host_side_parse(struct view text, struct host_side *ret);
err_t enclave_parse(struct view text, struct enclave *ret);

/* For people too; false when it could not be written. */
bool host_json_print(FILE *to, const yyjson_mut_doc *doc);

/* ERR_CLOSED, with a sentence, when nothing runs there. */
err_t host_side_read(const struct host_folder *f, struct host_side *ret, struct why *why);
err_t host_side_write(const struct host_folder *f, const struct host_side *s, struct why *why);
void host_side_forget(const struct host_folder *f);

/* By their numbers, at most HOST_ENCLAVES_MAX. */
err_t enclaves_read(const struct host_folder *f, struct enclave ret[static HOST_ENCLAVES_MAX], size_t *ret_n,
                    struct why *why);
err_t enclave_write(const struct host_folder *f, const struct enclave *e, struct why *why);
void enclave_forget(const struct host_folder *f, const struct enclave *e);

#endif
