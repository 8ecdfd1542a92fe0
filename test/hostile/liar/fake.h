/* An infer process that need not keep to the protocol. The supervisor starts it in place of veronnx-infer; when the file `lie` stands
   in the folder above its working directory it tells the lie whose name is in there, else it becomes the honest one. What it finds
   out it writes into `verdict` beside that file. */
#ifndef VERONNX_TEST_FAKE_H
#define VERONNX_TEST_FAKE_H

#include "base/fd.h"
#include "tensor/values.h"
#include "wire/frame.h"

#include <stdatomic.h>

struct fake {
    struct wire_end control;
    struct wire_end report;
    struct wire_end job;
    struct wire_end cancel;
    struct wire_inbox inbox;
    struct wire_inbox job_inbox;
    int block_fd;
    struct msg_infer_assign assign;
    const struct lie *lie;
    unsigned variant; /* number behind the lie's name */
    struct signature signature; /* what it says that the model is: x float [n] in, y float [n] or y string [n] out */
};

/* A job as it came, and what it will say of it: filled truthfully for y = 2x. */
struct work {
    struct msg_job job;
    struct value_set in;
    struct value_set out;
    uint8_t *bytes; /* of the outputs, owned */
    struct msg_report report;
    struct msg_result result;
};

/* Where it may lie; what is NULL is done truthfully. */
struct lie {
    const char *name;
    const char *engine;
    bool strings;                                          /* the output is of strings */
    bool (*on_size)(struct fake *f, uint64_t size);        /* true: has said INFER_SIZE itself */
    void (*on_assigned)(struct fake *f);
    bool (*on_sealed)(struct fake *f, struct msg_infer_sealed *sealed, int fd); /* true: has sent it */
    void (*on_proceed)(struct fake *f);
    bool (*on_scanned)(struct fake *f); /* true: has sent it, or not */
    void (*on_loaded)(struct fake *f);
    bool (*on_front)(struct fake *f);                      /* true: has sent META, or something else */
    bool (*on_job)(struct fake *f, struct work *w);        /* true: has reported and answered */
};
extern const struct lie lies[];

/* Appends a line to `verdict`. */
void fake_note(const char *format, ...) PRINTF(1, 2);
/* Gives up, with a line there. */
NORETURN void fake_fail(const char *what);
#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fake_fail(#condition);                                                                                     \
    } while (0)

/* A wanted block of a CID that nobody has; the number of bytes that went out, or -errno. */
int fake_want(const struct fake *f);
/* Whatever bytes and descriptors; 0 or errno. */
int fake_send_raw(const struct wire_end *end, const void *bytes, size_t len, unsigned n_fds);
void fake_report(struct fake *f, const struct msg_report *r);
/* A memory file with these bytes, sealed. */
int fake_area(const void *bytes, size_t len, int seals);
/* The result with the encoded outputs behind it. */
void fake_result(struct fake *f, const struct work *w, int fd);

#endif
