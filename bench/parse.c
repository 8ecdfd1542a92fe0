/* parse PART BODY-FILE INPUT DIM...: what the JSON of one request costs, without a network. The body has the form
   that the OpenGradient network sends: a JSON document inside a string, {value, decimals} for each number of the
   one float input.
     read     yyjson alone, twice: the body, then the document inside
     oip      yyjson alone on the body of the Open Inference Protocol, and a pass over its numbers that makes them a
   tensor convert  the numbers of that document, from the values that yyjson made, into a tensor front    all that the
   front does between body and tensor */
#include "rounds.h"

#include "base/clock.h"
#include "base/mem.h"
#include "tensor/infer_inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#define RANK_MAX 8

struct parse {
    err_t (*once)(struct parse *p);
    struct buf body; /* as it came */
    struct buf copy; /* what is read; reading destroys it */
    struct signature signature;
    struct infer_request request;
    struct infer_inputs inputs;
    uint8_t *tensor;
};

/* In place, which is the fastest way: needs zeros behind the text, where the outer document's last bytes stand. */
static yyjson_doc *read_in_place(char *text, size_t len)
{
    memset(text + len, 0, YYJSON_PADDING_SIZE);
    return yyjson_read_opts(text, len, YYJSON_READ_INSITU, NULL, NULL);
}

static err_t yyjson_twice(struct parse *p)
{
    yyjson_doc *outer = read_in_place((char *)p->copy.data, p->copy.len);
    yyjson_val *text = yyjson_obj_get(yyjson_doc_get_root(outer), "model_inputs");
    yyjson_doc *inner =
        yyjson_is_str(text) ? read_in_place((char *)(uintptr_t)yyjson_get_str(text), yyjson_get_len(text)) : NULL;
    bool ok = yyjson_is_arr(yyjson_obj_get(yyjson_doc_get_root(inner), "numbers"));
    yyjson_doc_free(inner);
    yyjson_doc_free(outer);
    return ok ? OK : ERR_BAD_JSON;
}

static err_t yyjson_oip(struct parse *p)
{
    yyjson_doc *doc = read_in_place((char *)p->copy.data, p->copy.len);
    yyjson_val *input = yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(doc), "inputs"));
    yyjson_val *data = yyjson_obj_get(input, "data"), *number = NULL;
    float *to = (float *)p->tensor;
    size_t i = 0, max = 0;
    yyjson_arr_foreach(data, i, max, number) to[i] = (float)yyjson_get_num(number);
    bool ok = max > 0;
    yyjson_doc_free(doc);
    return ok ? OK : ERR_BAD_JSON;
}

static err_t convert(struct parse *p)
{
    return infer_inputs_fill(&p->inputs, p->tensor, NULL);
}

static void forget(struct parse *p)
{
    infer_inputs_done(&p->inputs);
    infer_request_done(&p->request);
}

static err_t read_request(struct parse *p)
{
    const struct infer_limits limits = {
        .json_depth = 64, .json_memory = 9 * p->copy.len + 64 * KIB, .pairs_from = INFER_PAIRS_FROM};
    TRY(infer_request_parse(&p->copy, &limits, &p->request, NULL));
    return infer_inputs_measure(&p->request, &p->signature, GIB, &p->inputs, NULL);
}

static err_t as_the_front(struct parse *p)
{
    TRY(read_request(p));
    TRY(convert(p));
    forget(p);
    return OK;
}

/* Putting the body back is not part of the time. */
static err_t run(void *self, uint64_t until_ns, struct times *t)
{
    struct parse *p = self;
    uint64_t now = 0;
    do {
        if (p->once != convert)
            memcpy(p->copy.data, p->body.data, p->body.len);
        uint64_t start = clock_mono_ns();
        TRY(p->once(p));
        now = clock_mono_ns();
        times_add(t, now - start);
    } while (now < until_ns);
    return OK;
}

static err_t make_signature(char **argv, int argc, struct signature *ret)
{
    int64_t dims[RANK_MAX];
    struct value_desc input = {.name = view_of(argv[3], strlen(argv[3])), .type.dtype = DTYPE_FLOAT, .dims = dims};
    struct value_desc output = {.name = view_of("y", 1), .type.dtype = DTYPE_FLOAT};
    for (int i = 4; i < argc && input.rank < RANK_MAX; i++)
        dims[input.rank++] = strtoll(argv[i], NULL, 10);
    return signature_make(&input, 1, &output, 1, ret);
}

/* A first field that keeps the reader from taking lists of pairs out of the text (tensor/pairs.h). */
static const char keep_lists[] = "\"\x7f\":0,";

static void put_first(struct buf *body, const char *field)
{
    size_t n = strlen(field);
    memmove(body->data + 1 + n, body->data + 1, body->len - 1);
    memcpy(body->data + 1, field, n);
    body->len += n;
}

static err_t prepare(struct parse *p, char **argv, int argc)
{
    p->body = read_file(argv[2], INFER_BODY_PAD);
    p->copy = read_file(argv[2], INFER_BODY_PAD + sizeof(keep_lists));
    if (p->once == convert)
        put_first(&p->copy, keep_lists);
    if (p->once == yyjson_oip) {
        p->tensor = mem_alloc(p->body.len, sizeof(float)); /* a number takes more than a byte */
        return p->tensor != NULL ? OK : ERR_NOMEM;
    }
    TRY(make_signature(argv, argc, &p->signature));
    TRY(read_request(p));
    p->tensor = mem_alloc(1, p->inputs.set.total);
    if (p->tensor == NULL)
        return ERR_NOMEM;
    if (p->once != convert)
        forget(p);
    return OK;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        err_t (*once)(struct parse *p);
    } parts[] = {{"read", yyjson_twice}, {"oip", yyjson_oip}, {"convert", convert}, {"front", as_the_front}};
    struct parse p = {0};
    for (size_t i = 0; argc > 4 && i < COUNT_OF(parts); i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            p.once = parts[i].once;
    if (p.once == NULL)
        give_up("usage", "parse read|oip|convert|front BODY-FILE INPUT DIM...");
    err_t e = prepare(&p, argv, argc);
    if (e != OK)
        give_up(argv[2], err_name(e));
    return rounds_serve(argv[1], run, &p);
}
