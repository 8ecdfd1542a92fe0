/* One stream to an infer process: what it wants, and the answers that wait for their turn on it. */
#ifndef VERONNX_FETCH_CLIENT_H
#define VERONNX_FETCH_CLIENT_H

#include "fetch/disk.h"
#include "fetch/pool.h"
#include "ipld/cid.h"
#include "wire/block.h"
#include "wire/source.h"

#include <sys/queue.h>

#define WANT_TRIES 2 /* at the same time, with different sources */

struct attempt;
struct archive;
struct client;

/* What is known of the file that is being fetched (fetch/archive.h). */
struct client_file {
    bool known;
    bool asked; /* for an archive: once is enough */
    struct cid root;
    uint64_t size;
    uint64_t leaf;     /* bytes of the first part that may be a leaf; 0: none was seen yet */
    uint64_t interior; /* nodes that are certainly interior and have not come */
};

enum want_state {
    WANT_NEW,     /* folders have not been looked into */
    WANT_LOOKING, /* they are being */
    WANT_OPEN,    /* the sources are to be asked, or are being */
};

/* A block that was asked for; then the answer, until it is sent. */
struct want {
    TAILQ_ENTRY(want) entry;
    struct client *client; /* NULL: that is gone, and it goes when its job is done */
    struct cid cid;
    bool whole_dag;
    enum want_state state;
    bool cancelled; /* nobody wants it, but its client still holds what its job needs */
    uint64_t began_ms;
    size_t chunks;     /* that the next try begins with */
    struct body *body; /* of the job, of the next try, and in the end of the answer */
    struct disk_job job;
    struct attempt *tries[WANT_TRIES];
    uint32_t absent;             /* a bit for each source that has it not */
    uint8_t points[SOURCES_MAX]; /* against each source, for what went wrong with this block */
    enum block_type answer;
    uint32_t source; /* BLOCK_BLOCK: that it came from */
};
TAILQ_HEAD(want_list, want);

struct client {
    int fd;
    uint32_t infer;         /* its number, for the log */
    struct buf in;          /* the beginning of a frame */
    struct want_list wants; /* without an answer, oldest first */
    struct want_list ready; /* answered */
    size_t want_bytes;      /* of all, as WANT frames, until their answers begin to be sent */
    struct buf head;        /* the answer that is being sent: head, block, and how much of both is gone */
    struct body *block;
    size_t sent;
    uint64_t came_ms; /* when a byte came for it last */
    uint64_t went_ms; /* when it took one last, or had none to take */
    size_t expect;    /* chunks of a block */
    struct client_file file;
    struct archive *archive; /* or NULL */
    struct {
        uint64_t blocks;
        uint64_t bytes;
        uint64_t refused;
    } from[SOURCES_MAX + 1];
};

/* What a client does with the frames that come. */
struct client_owner {
    void *self;
    err_t (*want)(void *self, struct client *c, const struct cid *cid, bool whole_dag);
    void (*cancel)(void *self, struct client *c, const struct cid *cid);
    void (*refused)(void *self, struct client *c, const struct cid *cid, uint32_t source);
};

/* Takes the descriptor. */
void client_init(struct client *c, int *fd, uint32_t infer, uint64_t now_ms);
/* Frees the answers; its wants must be gone. */
void client_done(struct client *c);

/* Is there something to send? */
bool client_busy(const struct client *c);

/* Reads what has come. ERR_CLOSED at the end of the stream, ERR_PROTOCOL when the infer breaks a rule: the stream
   ends then. */
err_t client_read(struct client *c, const struct client_owner *owner);

/* A want of it has its answer: `w`, with its body if it is a block, goes into the queue. */
void client_answer(struct client *c, struct want *w, enum block_type answer);

/* Sends as much as the socket takes, of one answer at most, so that streams take turns. ERR_CLOSED. */
err_t client_write(struct client *c, uint64_t now_ms);

#endif
