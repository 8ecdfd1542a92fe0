/* What every test program of this folder begins with: codes compared by name, and messages put together by hand. */
#ifndef VERONNX_TEST_SCAN_UNIT_H
#define VERONNX_TEST_SCAN_UNIT_H

#include "../unit.h"
#include "infer/scan/scan.h"

/* A message under construction: every test's own, freed with it. */
#define AUTO_MESSAGE AUTO_BUF struct buf
#define MESSAGE                                                                                                        \
    {                                                                                                                  \
        .max = 64 * MIB                                                                                                \
    }

static inline void put_varint(struct buf *b, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        assert_ok(buf_put_u8(b, (uint8_t)(n | 0x80)));
    assert_ok(buf_put_u8(b, (uint8_t)n));
}

static inline void put_int(struct buf *b, uint64_t number, int64_t n)
{
    put_varint(b, number << 3);
    put_varint(b, (uint64_t)n);
}

static inline void put_bytes(struct buf *b, uint64_t number, struct view bytes)
{
    put_varint(b, number << 3 | 2);
    put_varint(b, bytes.len);
    assert_ok(buf_put_view(b, bytes));
}

static inline void put_text(struct buf *b, uint64_t number, const char *text)
{
    put_bytes(b, number, text_view(text));
}

static inline void put_message(struct buf *b, uint64_t number, const struct buf *message)
{
    put_bytes(b, number, buf_view(message));
}

/* `opset_import`: field 8 of a model, 9 of a function. */
static inline void put_import(struct buf *b, uint64_t number, const char *domain, int64_t version)
{
    AUTO_MESSAGE opset = MESSAGE;

    put_text(&opset, 1, domain);
    put_int(&opset, 2, version);
    put_message(b, number, &opset);
}

/* The model around a graph; the caller may add fields. */
static inline void put_model(struct buf *model, const struct buf *graph)
{
    put_int(model, 1, 8);
    put_message(model, 7, graph);
    put_import(model, 8, "", 17);
}

static inline err_t scan_with(const struct buf *model, const struct scan_policy *policy, struct scan_info *ret,
                              struct why *why)
{
    return scan_model(buf_view(model), policy, ret, why);
}

/* Under the default policy. */
static inline err_t scan_default(const struct buf *model, struct scan_info *ret, struct why *why)
{
    struct scan_policy policy = {.limits = SCAN_LIMITS_DEFAULT};

    return scan_with(model, &policy, ret, why);
}

#endif
