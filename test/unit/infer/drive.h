/* A veronnx-infer process with this program around it as supervisor, fetcher, keeper and front. Failed expectations of
   the protocol itself fail the test; what a test is about is returned. */
#ifndef VERONNX_TEST_INFER_DRIVE_H
#define VERONNX_TEST_INFER_DRIVE_H

#include "base/fd.h"
#include "ipld/cid.h"
#include "tensor/values.h"
#include "wire/frame.h"

#include <sys/types.h>

#define DRIVE_SLOTS 32

struct drive_options {
    const char *exe; /* beside the other executables; NULL: veronnx-infer */
    unsigned workers;
    unsigned threads;
    uint64_t output_max;  /* 0: 64 MiB */
    uint64_t data_limit;  /* RLIMIT_DATA with the first grant; 0: 1 GiB */
    uint64_t data_room;   /* instead: so much above what the process has when it is granted */
    uint64_t data_more;   /* with a later grant; 0: refuse */
    uint32_t load_ms;     /* 0: 60 s */
    const char *domains;  /* one more operator domain */
    bool lie;             /* the first block has one wrong bit */
    bool never_grant;
    bool silent;  /* wants are not answered */
    bool missing; /* no source has the root of the first model */
    bool die;    /* the supervisor goes away with the first grant */
    bool prepares; /* it prepares a model (drive_prepare) */
    bool prepared; /* what it reloads is a prepared form */
};

struct drive_slot {
    int in_fd;
    int out_fd;
    struct map in;
    struct map out;
    bool in_is_new;
};

struct drive {
    struct drive_options options;
    pid_t pid;
    char empty_dir[64];
    struct wire_end control;
    struct wire_end report;
    struct wire_end job;
    struct wire_end cancel;
    struct wire_inbox control_in;
    struct wire_inbox report_in;
    struct wire_inbox job_in;
    int log_fd;
    char engine[ENGINE_MAX + 1];
    struct msg_infer_sealed sealed;
    struct msg_infer_scanned scanned;
    struct msg_infer_loaded loaded;
    char why[WHY_MAX + 1]; /* of the last refusal */
    unsigned asked_for_memory;
    unsigned progress; /* messages */
    uint64_t received; /* as the last of them said */
    unsigned returned;
    int file_fd;       /* the sealed file */
    unsigned wants;
    struct signature signature;
    uint16_t generation;
    uint64_t last_job;
    struct drive_slot slots[DRIVE_SLOTS];
};

/* A value that goes in. */
struct drive_value {
    struct value_desc desc;
    struct view payload;
};

struct drive_outcome {
    struct msg_result result;
    struct msg_report report;
    struct value_set set;
    uint8_t *area; /* a copy */
    char why[WHY_MAX + 1];
};
void drive_outcome_done(struct drive_outcome *o);

/* What it is started with, in a sealed memory file that the caller owns. */
int drive_config(const struct drive_options *o);
/* Starts the process and waits for its HELLO. */
void drive_start(struct drive *d, const struct drive_options *options);
/* Path of one of the models of make_models.py; borrowed until the next call. */
const char *drive_model(const char *name);
struct drive_value drive_tensor(const char *name, enum dtype dtype, uint8_t rank, const int64_t *dims,
                                const void *bytes, size_t len);

/* Gives it a model; OK when it is loaded, the reason when it said INFER_FAILED, ERR_MODEL_DIED when it died. */
err_t drive_load(struct drive *d, const char *path);
/* Gives it a file that was sealed, and `data` bytes of memory, instead of blocks. The result is that of drive_load. */
err_t drive_reload(struct drive *d, int fd, uint64_t data);
/* Gives a process that prepares a sealed file, `ms` and, unless it is 0, so many bytes that it may write; `ret_fd`, owned by the caller, is
   the prepared form. The result is that of drive_load. */
err_t drive_prepare(struct drive *d, int fd, uint32_t ms, uint64_t most, int *ret_fd);
/* A line of /proc/PID/status, in KiB: "VmData:", "RssAnon:". */
long drive_status_kib(const struct drive *d, const char *key);
/* Sets RLIMIT_DATA, unless `bytes` is 0, and answers with INFER_GRANT. */
void drive_grant(struct drive *d, uint64_t bytes);
/* All of that with a model that must load. */
void drive_up(struct drive *d, const struct drive_options *options, const char *model);
/* Becomes its front (again) and takes the signature. */
void drive_front(struct drive *d);
/* Ends it; returns its wait status. */
int drive_end(struct drive *d);
/* Waits for its end without having asked for it. */
int drive_wait(struct drive *d);

/* Ends it and expects that it ends as it should. */
void drive_down(struct drive *d);

/* Sends a job, or puts it into a datagram with others, for which its slot must have been used; its number. */
uint64_t drive_put(struct drive *d, struct wire_pack *p, uint16_t slot, uint32_t run_ms,
                   const struct drive_value *inputs, size_t count);
static inline uint64_t drive_send(struct drive *d, uint16_t slot, uint32_t run_ms, const struct drive_value *inputs,
                                  size_t count)
{
    return drive_put(d, NULL, slot, run_ms, inputs, count);
}
void drive_cancel(struct drive *d, uint64_t job);
/* The next report and the next result. When ok, the digests of both sides are checked against what lies in the
   areas. */
void drive_report(struct drive *d, struct msg_report *ret);
void drive_result(struct drive *d, struct drive_outcome *ret);
/* One job from end to end on slot 0; the result's error. */
err_t drive_run(struct drive *d, const struct drive_value *inputs, size_t count, struct drive_outcome *ret);

#endif
