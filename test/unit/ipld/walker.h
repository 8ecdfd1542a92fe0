/* Drives a walk over blocks in memory, answering wants in the given order, and checks what the walk promises on the
   way. */
#ifndef VERONNX_TEST_IPLD_WALKER_H
#define VERONNX_TEST_IPLD_WALKER_H

#include "dag.h"
#include "ipld/walk.h"

enum order { ORDER_FIRST, ORDER_LAST, ORDER_RANDOM };

/* The file that a walk writes. Every byte must be written exactly once. */
struct output {
    uint8_t *bytes;
    uint8_t *times;
    uint64_t size;
    struct cid file;
    unsigned started;
    size_t wants;
    size_t max_in_flight;
};

static inline void output_done(struct output *o)
{
    free(o->bytes);
    free(o->times);
}

static inline err_t output_start(void *user, uint64_t size, const struct cid *file)
{
    struct output *o = user;
    o->started++;
    o->size = size;
    o->file = *file;
    o->bytes = calloc(1, size + 1);
    o->times = calloc(1, size + 1);
    assert_true(o->bytes != NULL && o->times != NULL);
    return OK;
}

static inline err_t output_write(void *user, uint64_t offset, struct view bytes)
{
    struct output *o = user;
    assert_int_equal(o->started, 1);
    assert_true(bytes.len > 0 && offset <= o->size && bytes.len <= o->size - offset);
    memcpy(o->bytes + offset, bytes.data, bytes.len);
    for (size_t i = 0; i < bytes.len; i++)
        assert_int_equal(o->times[offset + i]++, 0);
    return OK;
}

static inline void output_check_prefix(const struct output *o, uint64_t prefix)
{
    for (uint64_t i = 0; i < prefix; i++)
        assert_int_equal(o->times[i], 1);
}

static inline struct walk_params walker_params(struct output *o, const struct cid *root, const char *path)
{
    return (struct walk_params){
        .root = *root,
        .path = text_view(path),
        .max_size = GIB,
        .seed = 0x5eed,
        .sink = {o, output_start, output_write},
    };
}

/* Answers the walk's wants until it is done, fails, or needs a block that is not there (ERR_NOT_FOUND). */
static inline err_t walker_run(const struct dag *d, const struct walk_params *params, enum order order)
{
    struct output *o = params->sink.user;
    AUTO(walk_free) struct walk *w = NULL;
    struct cid open[WALK_WANTS_MAX];
    size_t n = 0;
    unsigned random = 12345;
    TRY(walk_new(params, &w));
    while (!walk_done(w)) {
        for (struct walk_want want; walk_want(w, &want); open[n++] = want.cid) {
            assert_true(n < WALK_WANTS_MAX);
            o->wants++;
        }
        o->max_in_flight = MAX(o->max_in_flight, n);
        assert_true(n > 0);
        random = random * 1103515245 + 12345;
        size_t pick = order == ORDER_FIRST ? 0 : order == ORDER_LAST ? n - 1 : (random >> 16) % n;
        struct cid cid = open[pick];
        memmove(open + pick, open + pick + 1, (n - pick - 1) * sizeof(open[0]));
        n--;
        const struct dag_block *block = dag_find(d, &cid);
        if (block == NULL)
            return ERR_NOT_FOUND;
        TRY(walk_block(w, &cid, buf_view(&block->bytes)));
    }
    assert_int_equal(o->started, 1);
    assert_int_equal(walk_written(w), o->size);
    assert_int_equal(walk_prefix(w), o->size);
    output_check_prefix(o, o->size);
    return OK;
}

#endif
