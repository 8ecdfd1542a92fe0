/* One child process: started with its control channel as descriptor 3 and its log as descriptor 4, watched until it ends.
   All of it runs on the supervisor's loop thread. */
#ifndef VERONNX_SUPER_CHILD_H
#define VERONNX_SUPER_CHILD_H

#include "wire/frame.h"
#include "wire/roles.h"

#include <sys/types.h>
#include <uv.h>

struct child;

/* What its owner does. `on_message` gets a message that passed the table and returns an error to have the child killed; it may still
   come when the process has ended (`gone`).    `on_end` comes once, when the process is gone; the child frees itself afterwards. */
struct child_owner {
    void *self;
    err_t (*on_message)(void *self, struct wire_msg *m);
    void (*on_end)(void *self, int status, int signal);
};

struct child {
    uv_process_t process;
    uv_poll_t control_poll;
    uv_poll_t log_poll;
    uv_handle_t *handles[3]; /* those of the above that libuv knows */
    unsigned n_handles;
    unsigned open_handles;
    bool killed;
    bool unheard; /* nothing that it says counts any more */
    bool gone;    /* the process has ended: its number may be another's by now */
    bool ended;   /* and its owner knows */
    enum role role;
    pid_t pid;
    struct wire_end control;
    struct wire_inbox inbox;
    int log_fd;
    uint64_t *kills;
    struct child_owner owner;
};

/* How every child is started. Borrowed by child_start for the call. */
struct child_setup {
    const char *exe_dir;         /* folder of the executables */
    const char *empty_dir;       /* working directory */
    const char *const *env;      /* exact environment */
    const char *const *args;     /* behind argv[0], NULL-terminated; may be NULL */
    uint64_t *kills;             /* ERR_COUNT_ counters, which outlive the child: child_kill counts by its reason */
};

/* Starts the role's executable. The child belongs to the loop; `owner.on_end` is the last that its owner hears of it. */
err_t child_start(uv_loop_t *loop, enum role role, const struct child_setup *setup, struct child_owner owner,
                  struct child **ret);

/* SIGKILL, counted unless the reason is OK. `on_end` follows. */
void child_kill(struct child *c, err_t reason);

/* Sends on the control channel; a child that is gone or does not read is killed, so there is nothing to return. */
void child_tell(struct child *c, enum wire_type type, const void *fixed, struct view tail, const int *fds,
                unsigned n_fds);

#endif
