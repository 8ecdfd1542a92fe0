/* bare_run FOLDER: one of ONNX's backend cases, run by ONNX Runtime alone: with the library, the options and the readers
   of values of veronnx-infer, but without scan, jail, messages and JSON. The library is that of ONNXRUNTIME_ROOT.

   FOLDER has model.onnx and test_data_set_0/input_N.pb. When it ran, standard output is: SHA-256 of the inputs'
   descriptors, tensor digest of the inputs (both zero unless all inputs are tensors), the same two of the outputs; u32le
   length of the inputs' descriptors, descriptors (a list of tensor/desc.h; what is no tensor stands there as declared);
   and the outputs as in tensor/values.h: value_set_encode, then each payload at its place. */
#include "base/fd.h"
#include "base/mem.h"
#include "cli/files.h"
#include "cli/tensors.h"
#include "infer/session.h"
#include "infer/value.h"
#include "ipld/pb.h"
#include "tensor/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How it ended. NOT_CARRIED: ONNX Runtime accepts the model, but this node has no form for a value of the case. */
enum { RAN = 0, BROKEN = 1, NOT_RUN = 2, NOT_CARRIED = 3 };

#define VALUES_MAX 64
#define FILE_MAX   (1 * GIB)
#define PATH_ROOM  4096

/* SequenceProto and OptionalProto (onnx-data.proto). */
enum { PROTO_TENSOR = 3, PROTO_SEQUENCE = 5 };

struct job {
    struct value_maker maker;
    struct session session;
    struct tensor_args tensors;    /* every tensor read so far, those inside sequences too */
    const char *names[VALUES_MAX]; /* of the inputs, as the next two */
    struct value_desc descs[VALUES_MAX];
    OrtValue *inputs[VALUES_MAX];
    size_t input_count;
    bool plain; /* the inputs are tensors, so tensors.items[i] is input i */
    OrtValue *made[VALUES_MAX];
    struct output outputs[VALUES_MAX];
};

struct side {
    uint8_t descriptors[SHA256_LEN];
    uint8_t tensors[SHA256_LEN];
};

static void job_done(struct job *j)
{
    for (size_t i = 0; i < VALUES_MAX; i++) {
        value_release(&j->inputs[i]);
        output_done(&j->outputs[i]);
        value_release(&j->made[i]);
    }
    tensor_args_done(&j->tensors);
    session_done(&j->session);
}

/* ── inputs ── */

static struct value_desc describe(struct view name, const struct tensor_arg *t)
{
    return (struct value_desc){
        .name = name, .type = {.kind = VALUE_TENSOR, .dtype = (uint8_t)t->dtype}, .rank = t->rank, .dims = t->dims};
}

/* Numbers lie in memory of ONNX Runtime. */
static err_t make_tensor(const struct value_maker *m, const struct tensor_arg *t, OrtValue **ret)
{
    struct value_desc d = describe(view_of(NULL, 0), t);
    AUTO(value_release) OrtValue *value = NULL;
    void *room = NULL;
    if (t->dtype == DTYPE_STRING)
        return value_make(m, &d, buf_view(&t->payload), ret);
    TRY(ort_run_result(ort->CreateTensorAsOrtValue(m->allocator, t->dims, t->rank,
                                                   (ONNXTensorElementDataType)t->dtype, &value)));
    TRY(ort_run_result(ort->GetTensorMutableData(value, &room)));
    if (t->payload.len > 0)
        memcpy(room, t->payload.data, t->payload.len);
    *ret = TAKE_PTR(value);
    return OK;
}

/* NumPy has no bfloat16: the cases hold the bits as uint16. */
static err_t read_tensor(struct job *j, const struct value_desc *declared, struct view proto, OrtValue **ret)
{
    struct why why;
    if (j->tensors.count == VALUES_MAX)
        return ERR_TOO_LARGE;
    struct tensor_arg *t = &j->tensors.items[j->tensors.count++];
    if (tensor_from_pb(proto, t, &why) != OK)
        return ERR_DTYPE_UNSUPPORTED;
    if (t->dtype == DTYPE_UINT16 && declared->type.dtype == DTYPE_BFLOAT16)
        t->dtype = DTYPE_BFLOAT16;
    return make_tensor(&j->maker, t, ret);
}

/* There is no way to give ONNX Runtime an empty one. */
static err_t read_sequence(struct job *j, const struct value_desc *declared, struct view proto, OrtValue **ret)
{
    OrtValue *items[VALUES_MAX] = {NULL};
    size_t count = 0;
    struct pb_field f;
    err_t e = OK;
    while (e == OK && proto.len > 0) {
        e = count < VALUES_MAX ? pb_take(&proto, &f) : ERR_TOO_LARGE;
        if (e == OK && f.tag == PB_BYTES(PROTO_TENSOR))
            e = read_tensor(j, declared, f.bytes, &items[count++]);
    }
    if (e == OK && count == 0)
        e = ERR_DTYPE_UNSUPPORTED;
    if (e == OK)
        e = ort_run_result(ort->CreateValue((const OrtValue *const *)items, count, ONNX_TYPE_SEQUENCE, ret));
    for (size_t i = 0; i < count; i++)
        value_release(&items[i]);
    return e;
}

/* ONNX Runtime takes what an optional value holds; there is no way to give it one that holds nothing. */
static err_t read_optional(struct job *j, const struct value_desc *declared, struct view proto, OrtValue **ret)
{
    struct pb_field f;
    while (proto.len > 0) {
        TRY(pb_take(&proto, &f));
        if (f.tag == PB_BYTES(PROTO_TENSOR))
            return read_tensor(j, declared, f.bytes, ret);
        if (f.tag == PB_BYTES(PROTO_SEQUENCE))
            return read_sequence(j, declared, f.bytes, ret);
    }
    return ERR_DTYPE_UNSUPPORTED;
}

static err_t read_file(const char *folder, const char *name, struct buf *out)
{
    char path[PATH_ROOM];
    struct why why;
    int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof(path) || file_read(path, out, &why) != OK)
        return ERR_IO;
    return OK;
}

static err_t read_value(struct job *j, const struct value_desc *declared, struct view proto, OrtValue **ret)
{
    if (declared->type.optional)
        return read_optional(j, declared, proto, ret);
    if (declared->type.kind == VALUE_SEQUENCE)
        return read_sequence(j, declared, proto, ret);
    return read_tensor(j, declared, proto, ret);
}

static err_t read_input(struct job *j, const char *folder, size_t i)
{
    const struct value_desc *declared = &j->session.signature.inputs[i];
    char file_name[64];
    AUTO_BUF struct buf file;
    buf_init(&file, FILE_MAX);
    (void)snprintf(file_name, sizeof(file_name), "test_data_set_0/input_%zu.pb", i);
    TRY(read_file(folder, file_name, &file));
    size_t first = j->tensors.count;
    TRY(read_value(j, declared, buf_view(&file), &j->inputs[i]));
    j->names[i] = j->session.input_names[i];
    if (declared->type.kind == VALUE_TENSOR) {
        j->descs[i] = describe(declared->name, &j->tensors.items[first]);
        return OK;
    }
    j->descs[i] = (struct value_desc){.name = declared->name, .type = declared->type};
    j->plain = false;
    return OK;
}

/* The files are those of the inputs that the model requires, in its order. */
static err_t read_inputs(struct job *j, const char *folder)
{
    const struct signature *s = &j->session.signature;
    j->plain = true;
    for (size_t i = 0; i < s->input_count && !s->inputs[i].may_miss; i++) {
        if (i == VALUES_MAX)
            return ERR_TOO_LARGE;
        TRY(read_input(j, folder, i));
        j->input_count++;
    }
    return OK;
}

/* ── the answer ── */

static err_t digest(const struct desc_list *descs, const struct view *payloads, struct side *ret)
{
    AUTO(tensor_digest_done) struct tensor_digest d = {0};
    TRY(tensor_digest_init(&d));
    TRY(tensor_digest_begin(&d, descs, ret->descriptors));
    for (size_t i = 0; i < descs->count; i++) {
        TRY(tensor_digest_value(&d, payloads[i].len));
        TRY(tensor_digest_bytes(&d, payloads[i].data, payloads[i].len));
    }
    return tensor_digest_final(&d, ret->tensors);
}

static err_t digest_inputs(const struct job *j, const struct desc_list *list, struct side *ret)
{
    struct view payloads[VALUES_MAX];
    for (size_t i = 0; i < list->count; i++)
        payloads[i] = buf_view(&j->tensors.items[i].payload);
    return digest(list, payloads, ret);
}

static err_t lay_out(const struct job *j, const struct view *payloads, struct value_set *ret)
{
    size_t count = j->session.signature.output_count;
    struct value_desc descs[VALUES_MAX];
    uint64_t lens[VALUES_MAX];
    for (size_t i = 0; i < count; i++) {
        descs[i] = j->outputs[i].desc;
        lens[i] = payloads[i].len;
    }
    return value_set_make(descs, count, lens, FILE_MAX, ret);
}

static err_t write_answer(const struct job *j)
{
    struct view payloads[VALUES_MAX];
    struct side sides[2] = {0};
    AUTO(value_set_done) struct value_set set = {0};
    AUTO(desc_list_done) struct desc_list given = {0};
    AUTO_BUF struct buf encoded;
    buf_init(&encoded, 2 * VALUE_SET_MAX_BYTES);
    for (size_t i = 0; i < j->session.signature.output_count; i++)
        payloads[i] = j->outputs[i].payload;
    TRY(desc_list_make(j->descs, j->input_count, &given));
    if (j->plain)
        TRY(digest_inputs(j, &given, &sides[0]));
    TRY(lay_out(j, payloads, &set));
    TRY(digest(&set.descs, payloads, &sides[1]));
    TRY(buf_put_u32le(&encoded, (uint32_t)given.encoded.len));
    TRY(buf_put_view(&encoded, given.encoded));
    TRY(value_set_encode(&set, &encoded));
    AUTO_MEM uint8_t *area = mem_alloc(1, set.total + 1);
    if (area == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < set.descs.count; i++)
        if (payloads[i].len > 0)
            memcpy(area + set.places[i].offset, payloads[i].data, payloads[i].len);
    TRY(fd_write_all(STDOUT_FILENO, sides, sizeof(sides)));
    TRY(fd_write_all(STDOUT_FILENO, encoded.data, encoded.len));
    return fd_write_all(STDOUT_FILENO, area, set.total);
}

/* ── the run ── */

static err_t run(struct job *j)
{
    return ort_run_result(ort->Run(j->session.ort, NULL, j->names, (const OrtValue *const *)j->inputs, j->input_count,
                                   j->session.output_names, j->session.signature.output_count, j->made));
}

static err_t read_outputs(struct job *j)
{
    const struct signature *s = &j->session.signature;
    for (size_t i = 0; i < s->output_count; i++)
        TRY(output_read(&j->maker, j->made[i], &s->outputs[i], FILE_MAX, &j->outputs[i]));
    return OK;
}

/* Only a failed run is the case's own. */
static err_t around_run(err_t e)
{
    return e == ERR_RUN_FAILED ? ERR_INTERNAL : e;
}

/* Whether ONNX Runtime, with options of its own, loads what session_new has refused. */
static bool loads_alone(OrtEnv *env, struct view file)
{
    OrtSessionOptions *options = NULL;
    OrtSession *session = NULL;
    if (ort_load_result(ort->CreateSessionOptions(&options)) != OK)
        return false;
    err_t e = ort_load_result(ort->DisablePerSessionThreads(options));
    if (e == OK)
        e = ort_load_result(ort->CreateSessionFromArray(env, file.data, file.len, options, &session));
    ort->ReleaseSession(session);
    ort->ReleaseSessionOptions(options);
    return e == OK;
}

static err_t run_case(struct job *j, OrtEnv *env, const char *folder)
{
    AUTO_BUF struct buf file;
    struct why why;
    buf_init(&file, FILE_MAX);
    TRY(read_file(folder, "model.onnx", &file));
    err_t e = session_new(env, buf_view(&file), &j->session, &why);
    if (e != OK)
        return loads_alone(env, buf_view(&file)) ? ERR_DTYPE_UNSUPPORTED : e;
    if (j->session.signature.output_count > VALUES_MAX)
        return ERR_TOO_LARGE;
    TRY(around_run(read_inputs(j, folder)));
    TRY(run(j));
    TRY(around_run(read_outputs(j)));
    return write_answer(j);
}

static err_t set_up(struct job *j, OrtEnv **ret_env)
{
    struct ort_library library;
    TRY(sha256_setup());
    TRY(ort_open(getenv("ONNXRUNTIME_ROOT"), &library));
    TRY(ort_env_new(1, ret_env));
    return value_maker_init(&j->maker);
}

static int status_of(err_t e)
{
    if (e == OK)
        return RAN;
    if (e == ERR_DTYPE_UNSUPPORTED || e == ERR_OUTPUT_UNSUPPORTED)
        return NOT_CARRIED;
    return e == ERR_RUN_FAILED || e == ERR_MODEL_UNSUPPORTED || e == ERR_MODEL_NOT_ONNX ? NOT_RUN : BROKEN;
}

int main(int argc, char **argv)
{
    static struct job job;
    OrtEnv *env = NULL;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: bare_run FOLDER\n");
        return BROKEN;
    }
    err_t e = set_up(&job, &env);
    if (e == OK)
        e = run_case(&job, env, argv[1]);
    if (e != OK)
        (void)fprintf(stderr, "%s\n", err_name(e));
    job_done(&job);
    return status_of(e);
}
