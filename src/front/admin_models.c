/* One JSON object for each model. */
#include "front/admin_models.h"

#include "base/fd.h"
#include "base/text.h"
#include "ipld/model_id.h"
#include "tensor/print.h"
#include "wire/model.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

static const char *const state_names[] = {
    [ADMIN_MODEL_WAITING] = "waiting", [ADMIN_MODEL_DOWNLOADING] = "downloading", [ADMIN_MODEL_LOADING] = "loading",
    [ADMIN_MODEL_READY] = "ready",     [ADMIN_MODEL_LEAVING] = "leaving",         [ADMIN_MODEL_KEPT] = "kept",
    [ADMIN_MODEL_FAILED] = "failed",
};

static err_t put_head(const struct admin_model *m, struct buf *out)
{
    char text[CID_TEXT_SIZE] = "";
    struct cid cid;
    TRY(cid_from_bytes(view_of(m->model.cid, m->model.cid_len), &cid));
    cid_to_text(&cid, text);
    return buf_printf(out, "{\"model\":\"%s%s%.*s\",\"state\":\"%s\"", text, m->model.path_len > 0 ? "/" : "",
                      (int)m->model.path_len, m->model.path, state_names[m->state]);
}

static err_t put_u64(const char *name, uint64_t value, struct buf *out)
{
    return buf_printf(out, ",\"%s\":%" PRIu64, name, value);
}

static err_t put_download(const struct admin_model *m, struct buf *out)
{
    if (m->file_bytes > 0)
        TRY(put_u64("percent", m->received_bytes * 100 / m->file_bytes, out));
    TRY(put_u64("bytes", m->received_bytes, out));
    TRY(put_u64("bytes_per_s", m->received_bytes * 1000 / MAX(m->elapsed_ms, 1U), out));
    return put_u64("sources", m->sources, out);
}

static err_t put_failure(const struct admin_model *m, struct buf *out)
{
    err_t reason = err_from_wire(m->reason);
    const char *why = m->why[0] != '\0' ? m->why : err_text(reason);
    TRY(buf_printf(out, ",\"code\":\"%s\",\"error\":", err_name(reason)));
    TRY(print_string(out, view_of(why, strnlen(why, WHY_MAX))));
    return put_u64("retry_ms", m->retry_ms, out);
}

static err_t put_sizes(const struct admin_model *m, struct buf *out)
{
    if (m->file_bytes > 0)
        TRY(put_u64("file_bytes", m->file_bytes, out));
    if (m->reserved_bytes > 0)
        TRY(put_u64("reserved_bytes", m->reserved_bytes, out));
    if (m->kept_bytes > 0)
        TRY(put_u64("kept_bytes", m->kept_bytes, out));
    return m->prepared_bytes > 0 ? put_u64("prepared_bytes", m->prepared_bytes, out) : OK;
}

static err_t put_hash(const struct admin_model *m, struct buf *out)
{
    static const uint8_t unknown[DIGEST_LEN];
    char hash[HEX_LEN(DIGEST_LEN) + 1];
    if (memcmp(m->model_sha256, unknown, sizeof(unknown)) == 0)
        return OK;
    hex_encode(m->model_sha256, DIGEST_LEN, hash);
    return buf_printf(out, ",\"model_hash\":\"%s\"", hash);
}

static err_t put_model(const struct admin_model *m, struct buf *out)
{
    TRY(put_head(m, out));
    if (m->state == ADMIN_MODEL_DOWNLOADING)
        TRY(put_download(m, out));
    if (m->state <= ADMIN_MODEL_LOADING)
        TRY(put_u64("elapsed_ms", m->elapsed_ms, out));
    if (m->state == ADMIN_MODEL_FAILED)
        TRY(put_failure(m, out));
    if (m->state == ADMIN_MODEL_READY || m->state == ADMIN_MODEL_LEAVING)
        TRY(put_u64("idle_s", m->idle_s, out));
    TRY(put_sizes(m, out));
    TRY(put_hash(m, out));
    return buf_put_u8(out, '}');
}

/* Front asks for models by whatever name it likes: a name that is none has no place in a document. */
static bool has_name(const struct wire_model *m)
{
    struct cid cid;
    struct why why;
    return cid_from_bytes(view_of(m->cid, m->cid_len), &cid) == OK &&
           model_path_check(view_of(m->path, m->path_len), &why) == OK;
}

err_t admin_models_put(int fd, uint32_t rows, const struct wire_model *model, struct buf *out)
{
    AUTO(map_done) struct map map = {0};
    size_t size = 0, wanted = rows * sizeof(struct admin_model);
    if (rows > ADMIN_MODELS_MAX || memfd_check(fd, SEALS_FILE, wanted, wanted, &size) != OK)
        return ERR_PROTOCOL;
    if (rows > 0)
        TRY(map_shared(fd, size, PROT_READ, &map));
    const struct admin_model *all = (const struct admin_model *)(const void *)map.addr;
    for (uint32_t n = 0; n < rows; n++) {
        if (all[n].state >= ADMIN_MODEL_STATES_ || !wire_model_fits(&all[n].model))
            return ERR_PROTOCOL;
        if (!has_name(&all[n].model) || (model != NULL && !wire_model_equal(&all[n].model, model)))
            continue;
        if (out->len > 0)
            TRY(buf_put_u8(out, ','));
        TRY(put_model(&all[n], out));
    }
    return OK;
}
