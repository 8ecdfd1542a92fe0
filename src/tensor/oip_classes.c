/* The classification extension: the largest elements of a tensor, as text. */
#include "tensor/oip_answer.h"

#include "base/mem.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct class
{
    double value; /* -infinity for NaN */
    uint64_t index;
    bool nan;
};

/* A heap of the best ones so far, the worst of them on top. */
struct best {
    struct class *items;
    size_t count;
};

/* Negative when `a` comes before `b`. */
static int compare(const void *a, const void *b)
{
    const struct class *x = a;
    const struct class *y = b;
    if (x->nan != y->nan)
        return x->nan ? 1 : -1;
    if (x->value > y->value || x->value < y->value)
        return x->value > y->value ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static void swap(struct class *a, struct class *b)
{
    struct class c = *a;
    *a = *b;
    *b = c;
}

static void rise(struct best *b, size_t at)
{
    for (; at > 0 && compare(&b->items[at], &b->items[(at - 1) / 2]) > 0; at = (at - 1) / 2)
        swap(&b->items[at], &b->items[(at - 1) / 2]);
}

static void sink(struct best *b)
{
    for (size_t at = 0, child = 1; child < b->count; at = child, child = 2 * at + 1) {
        if (child + 1 < b->count && compare(&b->items[child + 1], &b->items[child]) > 0)
            child++;
        if (compare(&b->items[child], &b->items[at]) < 0)
            return;
        swap(&b->items[child], &b->items[at]);
    }
}

static void offer(struct best *b, size_t k, struct class c)
{
    if (b->count < k) {
        b->items[b->count++] = c;
        rise(b, b->count - 1);
    } else if (compare(&c, &b->items[0]) < 0) {
        b->items[0] = c;
        sink(b);
    }
}

static double widen(enum dtype dtype, uint64_t bits)
{
    const struct dtype_info *info = dtype_info(dtype);
    float f = 0;
    double d = 0;
    bits = le64toh(bits);
    if (dtype == DTYPE_FLOAT16)
        return float16_to_double((uint16_t)bits);
    if (dtype == DTYPE_BFLOAT16)
        return bfloat16_to_double((uint16_t)bits);
    if (dtype == DTYPE_DOUBLE) {
        memcpy(&d, &bits, sizeof(d));
        return d;
    }
    if (dtype == DTYPE_FLOAT) {
        memcpy(&f, &bits, sizeof(f));
        return (double)f;
    }
    unsigned unused = 64 - 8U * info->size;
    return info->kind == DTYPE_KIND_INT ? (double)((int64_t)(bits << unused) >> unused) : (double)bits;
}

static err_t put_class(struct buf *out, const struct class *c)
{
    char text[400]; /* the largest double has 309 digits before its point */
    int len = c->nan ? snprintf(text, sizeof(text), "nan:%llu", (unsigned long long)c->index)
                     : snprintf(text, sizeof(text), "%f:%llu", c->value, (unsigned long long)c->index);
    TRY(buf_put_u32le(out, (uint32_t)len));
    return buf_put(out, text, (size_t)len);
}

err_t oip_classify(enum dtype dtype, const uint8_t *elements, size_t count, uint32_t k, struct buf *out)
{
    size_t size = dtype_info(dtype)->size;
    AUTO_MEM struct class *items = mem_alloc(MAX(MIN(k, count), 1U), sizeof(*items));
    struct best best = {.items = items};
    if (items == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = 0;
        area_copy(&bits, elements + i * size, size);
        double d = widen(dtype, bits);
        offer(&best, k, (struct class){isnan(d) ? -(double)INFINITY : d, i, isnan(d)});
    }
    qsort(items, best.count, sizeof(*items), compare);
    for (size_t i = 0; i < best.count; i++)
        TRY(put_class(out, &items[i]));
    return OK;
}
