/* ONNX's own backend cases: every one that ONNX Runtime alone can run gives the same bits in our process.
   VERONNX_CORPUS=N takes every Nth case (default 25, 1 = all); without the cases the test is skipped. */
#include "bare.h"
#include "../unit.h"

#include <dirent.h>
#include <unistd.h>

#define INPUTS_MAX 32

/* ── TensorProto, read leniently: the data is honest ── */

struct input {
    struct drive_value value;
    char name[256];
    int64_t dims[DESC_MAX_RANK];
    struct buf payload;
};

static uint64_t varint(struct view *v)
{
    uint64_t n = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; byte & 0x80; shift += 7) {
        assert_ok(view_u8(v, &byte));
        n |= (uint64_t)(byte & 0x7f) << shift;
    }
    return n;
}

struct field {
    unsigned number;
    uint64_t n;
    struct view bytes; /* of a fixed or length-delimited field */
};

static bool next_field(struct view *v, struct field *f)
{
    static const size_t fixed[] = {[1] = 8, [5] = 4};
    if (v->len == 0)
        return false;
    uint64_t key = varint(v);
    f->number = (unsigned)(key >> 3);
    f->bytes = (struct view){0};
    if ((key & 7) == 0)
        f->n = varint(v);
    else
        assert_ok(view_take(v, (key & 7) == 2 ? varint(v) : fixed[key & 7], &f->bytes));
    return true;
}

static void put_number(struct input *in, uint64_t n)
{
    assert_ok(buf_put(&in->payload, &n, dtype_info(in->value.desc.type.dtype)->size));
}

/* float_data, double_data, raw_data hold elements as they are; int32_data, int64_data, uint64_data are varints. */
static void take_data(struct input *in, struct field *f)
{
    bool is_varint = f->number == 5 || f->number == 7 || f->number == 11;
    if (f->number == 6) {
        assert_ok(buf_put_u32le(&in->payload, (uint32_t)f->bytes.len));
        assert_ok(buf_put_view(&in->payload, f->bytes));
    } else if (is_varint && f->bytes.data == NULL) {
        put_number(in, f->n);
    } else if (is_varint) {
        while (f->bytes.len > 0)
            put_number(in, varint(&f->bytes));
    } else {
        assert_ok(buf_put_view(&in->payload, f->bytes));
    }
}

static void take_dims(struct input *in, struct field *f)
{
    if (f->bytes.data == NULL) {
        in->dims[in->value.desc.rank++] = (int64_t)f->n;
        return;
    }
    while (f->bytes.len > 0)
        in->dims[in->value.desc.rank++] = (int64_t)varint(&f->bytes);
}

/* False when it is no tensor of a type that we carry: a sequence, an optional value. */
static bool read_tensor(struct view file, const char *name, struct input *in)
{
    struct field f;
    uint64_t elements = 0, size = 0;
    in->payload.max = GIB;
    for (struct view v = file; next_field(&v, &f);)
        if (f.number == 2)
            in->value.desc.type.dtype = (uint8_t)f.n;
    const struct dtype_info *info = dtype_info(in->value.desc.type.dtype);
    if (info == NULL)
        return false;
    for (struct view v = file; next_field(&v, &f);) {
        if (f.number == 1)
            take_dims(in, &f);
        else if (f.number >= 4 && f.number <= 11 && f.number != 8)
            take_data(in, &f);
    }
    (void)snprintf(in->name, sizeof(in->name), "%s", name);
    in->value.desc.name = text_view(in->name);
    in->value.desc.dims = in->dims;
    in->value.payload = buf_view(&in->payload);
    size = info->size;
    return desc_elements(&in->value.desc, &elements) == OK && (size == 0 || elements * size == in->payload.len);
}

static bool read_input(const char *folder, size_t i, const char *name, struct input *in)
{
    char path[8192];
    AUTO_BUF struct buf file = {.max = GIB};
    uint8_t *room = NULL;
    size_t n = 0;
    (void)snprintf(path, sizeof(path), "%s/test_data_set_0/input_%zu.pb", folder, i);
    FILE *f = fopen(path, "rbe");
    if (f == NULL)
        return false;
    do {
        assert_ok(buf_reserve(&file, 64 * KIB, &room));
        n = fread(room, 1, 64 * KIB, f);
        buf_commit(&file, n);
    } while (n > 0);
    (void)fclose(f);
    return read_tensor(buf_view(&file), name, in);
}

/* ── one case ── */

struct tally {
    unsigned bare_fails;
    unsigned not_carried;
    unsigned equal;
    unsigned refused;
    unsigned wrong;
    unsigned prepared; /* of the equal ones: equal from their prepared form, too */
    unsigned unprepared;
};

static bool output_equal(const struct drive_outcome *o, size_t i, const struct bare_output *b)
{
    const struct value_desc *d = &o->set.descs.items[i];
    struct view got = view_of(o->area + o->set.places[i].offset, o->set.places[i].len);
    if (b->absent || d->type.optional)
        return b->absent && d->type.optional;
    return d->rank == b->rank && (d->rank == 0 || memcmp(d->dims, b->dims, d->rank * sizeof(int64_t)) == 0) &&
           view_equal(got, buf_view(&b->payload));
}

static bool all_equal(const struct drive_outcome *o, const struct bare_run *b)
{
    if (o->set.descs.count != b->count)
        return false;
    for (size_t i = 0; i < b->count; i++)
        if (!output_equal(o, i, &b->outputs[i]))
            return false;
    return true;
}

/* Once more, by a process that gets the prepared form instead. */
static void compare_prepared(const char *name, int fd, const struct drive_value *values, size_t count, const struct bare_run *bare,
                             struct tally *t)
{
    AUTO(drive_outcome_done) struct drive_outcome o = {0};
    AUTO_FD int form = -1;
    struct drive d;
    drive_start(&d, &(struct drive_options){.prepares = true});
    err_t e = drive_prepare(&d, fd, 60000, 0, &form);
    assert_int_equal(drive_end(&d), 0);
    if (e != OK) {
        print_message("%s: not prepared: %s\n", name, err_name(e));
        t->unprepared++;
        return;
    }
    drive_start(&d, &(struct drive_options){.prepared = true});
    e = drive_reload(&d, form, GIB);
    if (e == OK) {
        drive_front(&d);
        e = drive_run(&d, values, count, &o);
    }
    bool equal = e == OK && all_equal(&o, bare);
    int status = drive_end(&d);
    t->prepared += equal;
    t->wrong += !equal;
    if (!equal || status != 0)
        print_message("%s, prepared: %s %s (status %d)\n", name, err_name(e), e != OK ? d.why : "differs", status);
}

static void compare(const char *path, const char *name, const struct drive_value *values, size_t count, struct tally *t)
{
    AUTO(bare_run_done) struct bare_run bare = {0};
    AUTO(drive_outcome_done) struct drive_outcome o = {0};
    struct drive d;
    bare_run(path, values, count, 1, &bare);
    if (!bare.ok || bare.has_map) {
        t->bare_fails++;
        return;
    }
    drive_start(&d, &(struct drive_options){0});
    err_t e = drive_load(&d, path);
    if (e == OK) {
        drive_front(&d);
        e = drive_run(&d, values, count, &o);
    }
    AUTO_FD int file = TAKE_FD(d.file_fd);
    int status = drive_end(&d);
    bool random = d.scanned.random_operator != 0;
    bool equal = e == OK && (random || all_equal(&o, &bare));
    t->equal += equal;
    t->refused += e != OK;
    t->wrong += e == OK && !equal;
    if (!equal || status != 0)
        print_message("%s: %s %s (status %d)\n", name, err_name(e), e != OK ? d.why : "differs", status);
    if (equal && !random)
        compare_prepared(name, file, values, count, &bare, t);
}

static void run_case(const char *folder, const char *name, struct tally *t)
{
    static struct input inputs[INPUTS_MAX];
    struct drive_value values[INPUTS_MAX];
    char path[8192], names[INPUTS_MAX][256];
    size_t count = 0;
    bool carried = true;
    (void)snprintf(path, sizeof(path), "%s/model.onnx", folder);
    if (!bare_inputs(path, names, &count)) {
        t->bare_fails++;
        return;
    }
    memset(inputs, 0, sizeof(inputs));
    for (size_t i = 0; i < count; i++) {
        carried = carried && read_input(folder, i, names[i], &inputs[i]);
        values[i] = inputs[i].value;
    }
    if (carried)
        compare(path, name, values, count, t);
    else
        t->not_carried++;
    for (size_t i = 0; i < count; i++)
        buf_done(&inputs[i].payload);
}

/* ── all of them ── */

static const char *const sets[] = {"node", "pytorch-converted", "pytorch-operator", "simple"};

static void run_set(const char *root, const char *set, unsigned every, struct tally *t)
{
    char folder[4096];
    struct dirent **entries = NULL;
    (void)snprintf(folder, sizeof(folder), "%s/%s", root, set);
    int n = scandir(folder, &entries, NULL, alphasort);
    assert_true(n > 2);
    for (int i = 0; i < n; i++) {
        char path[4096 + 256];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && (unsigned)i % every == 0)
            run_case(path, entries[i]->d_name, t);
        free(entries[i]);
    }
    free(entries);
}

static const char *find_cases(void)
{
    const char *const places[] = {getenv("VERONNX_ONNX_CASES"), "/usr/share/libonnx-testdata/data"};
    for (size_t i = 0; i < COUNT_OF(places); i++)
        if (places[i] != NULL && access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

static void same_bits_as_bare(void **state)
{
    const char *root = *state;
    const char *every = getenv("VERONNX_CORPUS");
    struct tally t = {0};
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        run_set(root, sets[i], every != NULL ? (unsigned)MAX(atoi(every), 1) : 25, &t);
    print_message("%u equal, %u refused, %u wrong; %u not run by bare ONNX Runtime, %u need more than tensors\n",
                  t.equal, t.refused, t.wrong, t.bare_fails, t.not_carried);
    print_message("%u equal from their prepared form, %u without one\n", t.prepared, t.unprepared);
    assert_true(t.prepared > 0);
    assert_true(t.equal > 0);
    assert_int_equal(t.wrong, 0);
}

int main(void)
{
    const char *root = find_cases();
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(same_bits_as_bare, (void *)(uintptr_t)root)};
    if (root == NULL) {
        print_message("skipped: ONNX's backend cases (libonnx-testdata) are not here\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
