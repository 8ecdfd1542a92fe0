/* The messages of an infer process, in the states in which it may send them. */
#include "super/infer_peer.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SAID_HERE ";prepared=%d;random=%d" /* the end of the engine id */

/* It will stand in statements as it is. */
static bool is_printable(struct view text)
{
    for (size_t n = 0; n < text.len; n++)
        if (text.data[n] < 0x20 || text.data[n] > 0x7e)
            return false;
    return true;
}

static err_t on_hello(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    if (m->tail.len == 0 || m->tail.len > sizeof(i->engine) - sizeof(SAID_HERE) || !is_printable(m->tail) || i->engine_len != 0)
        return ERR_PROTOCOL;
    memcpy(i->engine, m->tail.data, m->tail.len);
    i->engine_len = m->tail.len;
    if (i->state == INFER_PREPARING)
        prepare_begin(i->super, i);
    else
        loads_idle(i->super, i);
    return OK;
}

static err_t on_size(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    const struct msg_infer_bytes *size = m->fixed;
    if (i->file_bytes != 0 || size->bytes == 0 || size->bytes > i->super->conf->model_file_max)
        return ERR_PROTOCOL;
    loads_size(i->super, i, size->bytes);
    return OK;
}

static err_t on_progress(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    const struct msg_infer_progress *p = m->fixed;
    if (p->bytes < i->received || p->bytes > i->file_bytes)
        return ERR_PROTOCOL;
    i->received = p->bytes;
    i->sources = p->sources;
    return OK;
}

/* What was asked for without a path is the file itself, so it has no other name. */
static bool names_another(const struct infer *i, const struct msg_infer_sealed *sealed)
{
    struct view file = view_of(sealed->file_cid, sealed->file_cid_len);
    return i->model.path_len == 0 && !view_equal(file, view_of(i->model.cid, i->model.cid_len));
}

/* From here on nothing of the host reaches this process: the block channel is shut on our own duplicate. */
static err_t on_sealed(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    const struct msg_infer_sealed *sealed = m->fixed;
    struct msg_empty none = {0};
    size_t size = 0;
    TRY(memfd_check(m->fds[0], SEALS_FILE, i->file_bytes, i->file_bytes, &size));
    if (sealed->size != size || sealed->file_cid_len > CID_MAX || names_another(i, sealed))
        return ERR_PROTOCOL;
    if (shutdown(i->block_fd, SHUT_RDWR) != 0)
        return ERR_INTERNAL;
    fd_close(&i->block_fd);
    i->verify_us = sealed->verify_us;
    i->sealed = (struct msg_keeper_sealed){.infer = i->number, .file_cid_len = sealed->file_cid_len};
    memcpy(i->sealed.file_cid, sealed->file_cid, sizeof(i->sealed.file_cid));
    memcpy(i->sealed.model_sha256, sealed->model_sha256, sizeof(i->sealed.model_sha256));
    for (size_t n = 0; n < SOURCE_NUMBERS; n++)
        i->super->source_bytes[n] += sealed->from[n];
    i->state = INFER_LOADING;
    i->file_fd = TAKE_FD(m->fds[0]);
    TRY(memory_limit_files(i->super, i));
    log_event(LOG_MODEL_SEALED, i->number, (int64_t)i->file_bytes, i->verify_us, i->sources);
    child_tell(i->child, MSG_INFER_PROCEED, &none, view_of(NULL, 0), NULL, 0);
    return OK;
}

static err_t on_memory(void *self, struct wire_msg *m UNUSED)
{
    struct infer *i = self;
    memory_more(i->super, i);
    return OK;
}

/* Said before ONNX Runtime reads the model, so that a model that takes the process over cannot say it. */
static err_t on_scanned(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    const struct msg_infer_scanned *scanned = m->fixed;
    if (i->scanned || i->prepared.fd >= 0 || scanned->random_operator > 1)
        return ERR_PROTOCOL;
    i->random = scanned->random_operator != 0;
    i->scan_us = scanned->us;
    i->scanned = true;
    return OK;
}

/* The file of a prepared form was scanned by another process, which said what it found before it read the model. */
static err_t on_loaded(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    const struct msg_infer_loaded *loaded = m->fixed;
    bool prepared = i->prepared.fd >= 0;
    char engine[ENGINE_MAX];
    if (!prepared && !i->scanned)
        return ERR_PROTOCOL;
    i->cpu_us = loaded->cpu_us;
    int n = snprintf(engine, sizeof(engine), "%.*s" SAID_HERE, (int)i->engine_len, i->engine, prepared, i->random);
    log_event(LOG_MODEL_READY, i->number, (int64_t)i->file_bytes, i->verify_us, i->scan_us, loaded->load_us, prepared);
    child_tell(i->super->keeper, MSG_KEEPER_SEALED, &i->sealed, view_of(engine, (size_t)n), NULL, 0);
    loads_ready(i->super, i);
    return OK;
}

/* What it made is not looked into: it is read by processes of this one model. */
static err_t on_prepared(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    size_t size = 0;
    TRY(memfd_check(m->fds[0], SEALS_FILE, 1, i->prepared.bytes, &size));
    prepare_done(i->super, i, &m->fds[0], size, ((const struct msg_infer_prepared *)m->fixed)->us);
    return OK;
}

static err_t on_warmed(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    const struct msg_infer_warmed *warmed = m->fixed;
    if (!i->warming)
        return ERR_PROTOCOL;
    loads_warmed(i->super, i, warmed->us, err_from_wire(warmed->result));
    return OK;
}

static err_t take_reason(struct infer *i, const struct wire_msg *m)
{
    err_t reason = err_from_wire(((const struct msg_infer_failed *)m->fixed)->reason);
    memcpy(i->why, m->tail.data, MIN(m->tail.len, WHY_MAX));
    return reason != OK ? reason : ERR_INTERNAL;
}

static err_t on_failed(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    leave_kill(i->super, i, take_reason(i, m));
    return OK;
}

static err_t on_returned(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    if (i->file_bytes != 0)
        return ERR_PROTOCOL; /* it has seen the root */
    loads_returned(i->super, i, take_reason(i, m));
    return OK;
}

static const struct wire_route routes[] = {
    {MSG_INFER_HELLO, INFER_STARTING | INFER_PREPARING, on_hello},
    {MSG_INFER_PREPARED, INFER_PREPARING, on_prepared},
    {MSG_INFER_RETURNED, INFER_SIZING, on_returned},
    {MSG_INFER_SIZE, INFER_SIZING, on_size},
    {MSG_INFER_PROGRESS, INFER_PULLING, on_progress},
    {MSG_INFER_SEALED, INFER_PULLING, on_sealed},
    {MSG_INFER_MEMORY, INFER_LOADING | INFER_READY, on_memory},
    {MSG_INFER_SCANNED, INFER_LOADING, on_scanned},
    {MSG_INFER_LOADED, INFER_LOADING, on_loaded},
    {MSG_INFER_WARMED, INFER_READY, on_warmed},
    {MSG_INFER_FAILED, INFER_STARTING | INFER_SIZING | INFER_PULLING | INFER_LOADING | INFER_PREPARING, on_failed},
};

err_t infer_peer_message(void *self, struct wire_msg *m)
{
    struct infer *i = self;
    if (i->state == INFER_LEAVING || i->super->phase == SUPER_STOPPED)
        return OK;
    if (i->child->gone && m->type != MSG_INFER_FAILED && m->type != MSG_INFER_PREPARED)
        return OK; /* a dead process is neither idle nor ready, whatever it said before */
    return wire_dispatch(routes, COUNT_OF(routes), i->state, i, m);
}
