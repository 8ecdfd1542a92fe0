/* The jail of a process: what it may still ask of the kernel. Two functions; rows are in jail/table.c, in words in
   docs/processes.md. A process whose jail did not install completely must exit at once. */
#ifndef VERONNX_JAIL_JAIL_H
#define VERONNX_JAIL_JAIL_H

#include "base/err.h"

/* Rows of the jail table. A process enters one; infer then tightens to LOAD before it takes its assignment and to RUN
   when its model is sealed.
   START: dlopen, locale, environment and threads of ONNX Runtime. LOAD: pulls and verifies blocks. RUN: creates the
   session and runs. PREPARE, in place of both: writes a session into a memory file. */
enum jail_row {
    JAIL_SUPER,
    JAIL_CONFIG,
    JAIL_KEEPER,
    JAIL_FRONT,
    JAIL_ADMIN,
    JAIL_INFER_START,
    JAIL_INFER_LOAD,
    JAIL_INFER_RUN,
    JAIL_INFER_PREPARE,
    JAIL_FETCH,
    JAIL_NSM,
    JAIL_NSM_SIM,
    JAIL_HOST,
    JAIL_ROWS_
};

/* What a process keeps. Lists of paths end with NULL; a NULL list is empty. A path is a file, or a directory with
   everything below it; one that does not exist is left out. Filters, Landlock rules and limits are inherited: what the
   supervisor does not list, none of its children has (so it lists /dev/null and the empty directory too).
   read_only: read files, list directories. read_write: also write, make, rename and remove (no devices, no execution).
   exec: read and execute; the program interpreter (ld.so) must be among them.
   empty_dir: becomes the working directory; must exist and have no entry.
   keep_fds: all other descriptors are closed; 0, 1 and 2 lead to /dev/null unless listed. */
struct jail_paths {
    const char *const *read_only;
    const char *const *read_write;
    const char *const *exec;
    const char *empty_dir;
    const int *keep_fds;
    size_t n_keep_fds;
};

#define JAIL_MAX_KEPT 64

/* Whoever includes this file has JAIL_SANITIZED, by meson.build: 1 in a build with sanitizers, else 0. Shadow memory counts as data, so
   in such a build no process has RLIMIT_DATA: neither the rows set it, nor does the supervisor. */

/* Where an installation failed (arguments `step` and `errno` of LOG_JAIL_FAILED). */
enum jail_step {
    JAIL_STEP_ORDER, /* not single-threaded, entered twice, or a row that does not follow the one before */
    JAIL_STEP_ENVIRONMENT,
    JAIL_STEP_DESCRIPTORS,
    JAIL_STEP_DIRECTORY,
    JAIL_STEP_LIMITS,
    JAIL_STEP_PRIVILEGES,
    JAIL_STEP_LANDLOCK,
    JAIL_STEP_CAPABILITIES,
    JAIL_STEP_SECCOMP,
};
struct jail_failure {
    enum jail_step step;
    int os_error; /* errno, or 0 */
};

/* Installs the row, once, while the process has one thread: environment reduced to the row's list, empty working
   directory, descriptors closed, resource limits, no core file, not dumpable, no new privileges, no capabilities
   (supervisor: only those to bind low ports and to set priorities, if it had them), Landlock, system-call filter
   (default: the process is killed by SIGSYS).
   Landlock: kernel 5.19 (ABI 2) is the least accepted. Limits on truncation (ABI 3), TCP ports (4), device ioctls (5),
   and signals and abstract sockets (6) are used where the kernel has them; where not, the filter stands alone (it gives
   no row but the supervisor's a socket call or a truncating open).
   On error `failure` is written (it may be NULL), the process is half jailed and must exit. A jailed process ends with
   _exit: exit handlers of libraries may need calls that its row does not have. */
err_t jail_enter(enum jail_row row, const struct jail_paths *paths, struct jail_failure *failure);

/* Stacks the stricter filter of a later row of the same process (START -> LOAD -> RUN, START -> PREPARE) on all its threads. */
err_t jail_tighten(enum jail_row row, struct jail_failure *failure);

#endif
