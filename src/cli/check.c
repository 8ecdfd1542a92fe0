/* Receipts and tensors together. */
#include "cli/check.h"

#include "base/fd.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/show.h"
#include "tensor/digest.h"
#include "tensor/infer_answer.h"
#include "tensor/print.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The values of one side, one payload behind the other. */
struct side {
    struct value_set values;
    struct buf payloads;
    bool whole; /* text has its whole shape too */
};

static void side_done(struct side *s)
{
    value_set_done(&s->values);
    buf_done(&s->payloads);
}

/* `open`: nested arrays end at the first dimension of 0, and cannot say more. */
static bool has_shape(const struct tensor_arg *t, const struct value_desc *d, bool open)
{
    bool ends_early = open && t->rank > 0 && t->dims[t->rank - 1] == 0;
    if (t->rank > d->rank || (t->rank < d->rank && !ends_early))
        return false;
    for (unsigned i = 0; i < t->rank; i++)
        if (t->dims[i] != d->dims[i])
            return false;
    return true;
}

/* Payloads of the given tensors in the order and types of the receipt's descriptors. */
static err_t fill_area(const struct tensor_args *args, struct side *s, struct why *why)
{
    for (size_t i = 0; i < s->values.descs.count; i++) {
        const struct value_desc *d = &s->values.descs.items[i];
        const struct tensor_arg *t = tensor_args_find(args, d->name);
        size_t before = s->payloads.len;
        s->values.places[i] = (struct value_place){before, 0};
        if (d->type.optional) /* absent: nothing was given, and it has no bytes */
            continue;
        if (t == NULL)
            return why_set(why, ERR_RECEIPT_MISMATCH, "%.*s: the receipt covers it, but it was not given",
                           (int)d->name.len, d->name.data);
        if (!has_shape(t, d, t->dtype == DTYPE_NONE && !s->whole))
            return why_set(why, ERR_RECEIPT_MISMATCH, "%.*s: not the shape that the receipt has", (int)d->name.len,
                           d->name.data);
        TRY(tensor_arg_payload(t, d->type.dtype, &s->payloads, why));
        s->values.places[i].len = s->payloads.len - before;
    }
    s->values.total = s->payloads.len;
    return OK;
}

static err_t side_digest(const struct side *s, struct check_side *ret)
{
    AUTO(tensor_digest_done) struct tensor_digest d = {0};
    struct view rest = buf_view(&s->payloads), part = {0};
    TRY(tensor_digest_init(&d));
    TRY(tensor_digest_begin(&d, &s->values.descs, ret->descriptors));
    for (size_t i = 0; i < s->values.descs.count; i++) {
        TRY(tensor_digest_value(&d, s->values.places[i].len));
        TRY(view_take(&rest, s->values.places[i].len, &part));
        TRY(tensor_digest_bytes(&d, part.data, part.len));
    }
    return tensor_digest_final(&d, ret->tensors);
}

static err_t read_descriptors(struct view descriptors, const char *which, struct desc_list *ret, struct why *why)
{
    if (descriptors.data == NULL)
        return why_set(why, ERR_RECEIPT_MISMATCH,
                       "the %ss cannot be compared: the receipt leaves out their descriptors (over 1 KiB)", which);
    if (desc_list_parse(descriptors, ret) != OK)
        return why_set(why, ERR_RECEIPT_MALFORMED, "the descriptors of the %ss are not well-formed", which);
    for (size_t i = 0; i < ret->count; i++)
        if (ret->items[i].type.kind != VALUE_TENSOR && !ret->items[i].type.optional)
            return why_set(why, ERR_DTYPE_UNSUPPORTED, "%.*s is a sequence or a map: the %ss cannot be compared",
                           (int)ret->items[i].name.len, ret->items[i].name.data, which);
    return OK;
}

static err_t side_fill(struct side *s, const struct tensor_args *args, struct view descriptors, const char *which,
                       struct why *why)
{
    size_t count = 0, absent = 0;
    TRY(read_descriptors(descriptors, which, &s->values.descs, why));
    count = s->values.descs.count;
    for (size_t i = 0; i < count; i++)
        absent += s->values.descs.items[i].type.optional;
    if (args->count > count - absent)
        return why_set(why, ERR_RECEIPT_MISMATCH, "more %ss were given than the receipt covers", which);
    s->values.places = mem_alloc(MAX(count, 1U), sizeof(*s->values.places));
    return s->values.places != NULL ? fill_area(args, s, why) : ERR_NOMEM;
}

/* Many texts convert to the same values; a node writes one. */
static err_t compare_answer(const struct side *s, const uint8_t model[static SHA256_LEN], struct view answer,
                            struct why *why)
{
    AUTO_BUF struct buf text = BUF_WITH(answer.len + PRINT_MAX);
    struct view area = s->payloads.len > 0 ? buf_view(&s->payloads) : view_of("", 0);
    err_t e = infer_answer_write(&s->values, area, model, &text, why);
    if (e == ERR_NOMEM || (e == OK && view_equal(buf_view(&text), answer)))
        return e;
    return why_set(why, ERR_RECEIPT_MISMATCH, "the answer is not the text of the outputs that the receipt covers");
}

static err_t digest_inputs(const struct check *c, const struct receipt *r, struct check_side *ret, struct why *why)
{
    AUTO(side_done) struct side s = {.payloads = BUF_WITH(4 * TENSOR_FILE_MAX), .whole = c->sent};
    TRY(side_fill(&s, c->inputs, r->in_descriptors, "input", why));
    return side_digest(&s, ret);
}

static err_t digest_outputs(const struct check *c, const struct receipt *r, struct check_side *ret, struct why *why)
{
    AUTO(side_done) struct side s = {.payloads = BUF_WITH(4 * TENSOR_FILE_MAX)};
    TRY(side_fill(&s, c->outputs, r->out_descriptors, "output", why));
    if (c->answer.data != NULL)
        TRY(compare_answer(&s, r->statement.model, c->answer, why));
    return side_digest(&s, ret);
}

static err_t load_key(const char *path, struct es256 *key, struct why *why)
{
    AUTO_BUF struct buf pem = BUF_WITH(16 * KIB);
    TRY(command_blame("--key", file_read(path, &pem, why), why));
    uint8_t point[ES256_POINT_LEN];
    if (es256_read_public(buf_view(&pem), point) != OK)
        return why_set(why, ERR_USAGE, "--key: not a P-256 public key in PEM: %s", path);
    return es256_verifier_init(key, point);
}

err_t check_key(const char *path, struct why *why)
{
    AUTO(es256_done) struct es256 key = {0};
    return load_key(path, &key, why);
}

static void expect_side(const struct check_side *s, struct view *descriptors, struct view *tensors)
{
    *descriptors = view_of(s->descriptors, SHA256_LEN);
    *tensors = view_of(s->tensors, SHA256_LEN);
}

static err_t expect_model(const struct check *c, struct model_id *id, uint8_t hash[static SHA256_LEN],
                          struct receipt_expect *e, struct why *why)
{
    if (c->model != NULL) {
        if (model_id_parse(view_of(c->model, strlen(c->model)), id, why) != OK)
            return command_blame("--model", ERR_USAGE, why);
        e->asked_cid = cid_view(&id->cid);
        e->asked_path = view_of(id->path, id->path_len);
    }
    if (c->model_hash.data != NULL) {
        if (hex_decode(c->model_hash, hash, SHA256_LEN) != OK)
            return why_set(why, ERR_USAGE, "--model-hash: 64 hex digits");
        e->model = view_of(hash, SHA256_LEN);
    }
    return OK;
}

err_t check_expect(const struct check *c, const struct receipt *r, struct check_room *room, struct receipt_expect *ret,
                   struct why *why)
{
    struct receipt_expect expect = {.allow_simulated = c->allow_simulated, .nonce = c->nonce};
    TRY(expect_model(c, &room->id, room->model, &expect, why));
    if (c->inputs != NULL) {
        TRY(digest_inputs(c, r, &room->in, why));
        expect_side(&room->in, &expect.in_descriptors, &expect.in_tensors);
    }
    if (c->outputs != NULL) {
        TRY(digest_outputs(c, r, &room->out, why));
        expect_side(&room->out, &expect.out_descriptors, &expect.out_tensors);
    }
    *ret = expect;
    return OK;
}

err_t check_receipt(const struct check *c, struct buf *bytes, struct receipt *ret, struct why *why)
{
    AUTO(es256_done) struct es256 key = {0};
    struct receipt_expect expect;
    struct check_room room;
    TRY(load_key(c->key_file, &key, why));
    TRY(receipt_unpack(c->receipt, bytes, ret, why));
    TRY(check_expect(c, ret, &room, &expect, why));
    return receipt_verify(ret, &key, &expect, why);
}

/* ── printing ── */

static void print_digest(const char *name, const uint8_t digest[static SHA256_LEN], bool json)
{
    show_hex(name, view_of(digest, SHA256_LEN), json);
}

static void print_model(const char *name, struct view bytes, struct view path, bool json)
{
    struct cid cid = {0};
    char text[CID_TEXT_SIZE + 1 + STATEMENT_PATH_MAX] = "";
    assert(path.len <= STATEMENT_PATH_MAX);
    if (cid_from_bytes(bytes, &cid) == OK)
        cid_to_text(&cid, text);
    size_t n = strlen(text);
    if (path.len > 0) {
        text[n++] = '/';
        memcpy(text + n, path.data, path.len);
    }
    show_text(name, view_of(text, n + path.len), json);
}

void check_print(const struct receipt *r, bool verified, bool json)
{
    const struct statement *s = &r->statement;
    uint8_t digest[SHA256_LEN] = {0};
    bool simulated = s->kind == STATEMENT_SIMULATED;
    if (json)
        (void)printf("{\"verified\":%s,\"kind\":\"%s\"", verified ? "true" : "false",
                     simulated ? "simulated" : "nitro");
    else
        (void)printf("The receipt is genuine%s.\n",
                     simulated ? ", but SIMULATED: it proves nothing about hardware" : "");
    print_model("model", s->asked_cid, s->asked_path, json);
    print_model("file", s->file_cid, view_of(NULL, 0), json);
    print_digest("model_hash", s->model, json);
    print_digest("input_digest", s->input.tensors, json);
    print_digest("output_digest", s->output.tensors, json);
    if (s->nonce.len > 0)
        show_hex("nonce", s->nonce, json);
    show_text("engine", s->engine, json);
    show_time("start", s->start_us, json);
    show_time("end", s->end_us, json);
    if (receipt_digest(r->statement_bytes, digest) == OK)
        print_digest("receipt_digest", digest, json);
    if (json)
        (void)printf("}\n");
}
