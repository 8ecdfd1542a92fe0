/* Archives: pushed whole and in two pieces they read the same, sections lie inside the input in order, and the reader
   never holds more than it says. */
#include "ipld/car.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct view input;
    uint64_t at; /* where the last section ended */
    size_t roots;
    size_t sections;
};

static err_t hear_root(void *user, const struct cid_ref *root)
{
    struct heard *h = user;
    assert(h->sections == 0 && root->kind <= CID_FOREIGN);
    h->roots++;
    return OK;
}

static err_t hear_section(void *user, const struct car_section *s)
{
    struct heard *h = user;
    assert(s->bytes.len <= BLOCK_MAX && s->offset > h->at && s->offset + s->bytes.len <= h->input.len);
    assert(view_equal(s->bytes, view_of(h->input.data + s->offset, s->bytes.len)));
    h->at = s->offset + s->bytes.len;
    h->sections++;
    return OK;
}

static err_t read_in_two(struct view input, size_t cut, struct heard *ret)
{
    AUTO(car_reader_done) struct car_reader r = {0};
    car_reader_init(&r, &(struct car_sink){ret, hear_root, hear_section});
    *ret = (struct heard){.input = input};
    err_t e = car_push(&r, view_of(input.data, cut), NULL);
    if (e == OK)
        e = car_push(&r, view_of(input.data + cut, input.len - cut), NULL);
    assert(r.in.cap <= 2 * CAR_SECTION_MAX && r.in.len <= input.len);
    return e == OK ? car_finish(&r, NULL) : e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heard whole, halves;
    err_t e = read_in_two(view_of(data, size), size, &whole);
    err_t again = read_in_two(view_of(data, size), size > 0 ? data[size - 1] % size : 0, &halves);
    assert(e == again && whole.roots == halves.roots && whole.sections == halves.sections && whole.at == halves.at);
    return 0;
}
