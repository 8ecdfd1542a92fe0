/* Every hostile model gets the code that its manifest says, and of thousands of damaged ones none that passes names a
   file. */
#include "lenient.h"
#include "unit.h"

#define FLIPS     64 /* damaged copies of each model */
#define FLIP_SIZE (4 * KIB)

struct model {
    char name[64];
    char scan[32];
    struct buf bytes;
};

static struct model models[400];
static size_t model_count;

static void read_file(const char *name, struct buf *ret)
{
    char path[4096];
    uint8_t *room = NULL;

    (void)snprintf(path, sizeof(path), "%s/%s", HOSTILE_MODELS, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    for (size_t n = 1; n > 0; buf_commit(ret, n)) {
        assert_ok(buf_reserve(ret, 64 * KIB, &room));
        n = fread(room, 1, 64 * KIB, file);
    }
    (void)fclose(file);
}

static int read_models(void **state UNUSED)
{
    FILE *manifest = fopen(HOSTILE_MODELS "/manifest", "r");

    if (manifest == NULL)
        return -1;
    for (struct model *m = models; model_count < COUNT_OF(models); m++) {
        if (fscanf(manifest, "%63s %31s%*[^\n]", m->name, m->scan) != 2)
            break;
        m->bytes = (struct buf)MESSAGE;
        read_file(m->name, &m->bytes);
        model_count++;
    }
    (void)fclose(manifest);
    return model_count > 100 ? 0 : -1;
}

static int free_models(void **state UNUSED)
{
    for (size_t i = 0; i < model_count; i++)
        buf_done(&models[i].bytes);
    return 0;
}

static void each_gets_its_code(void **state UNUSED)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < model_count; i++) {
        struct scan_info info = {0};
        struct why why = {0};
        err_t e = scan_default(&models[i].bytes, &info, &why);

        if (strcmp(err_name(e), models[i].scan) == 0)
            continue;
        print_message("%s: %s, not %s (%s)\n", models[i].name, err_name(e), models[i].scan, why.text);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* The second reader is no use if it is blind: it must see the file that models name. */
static void the_second_reader_sees(void **state UNUSED)
{
    size_t seen = 0;

    for (size_t i = 0; i < model_count; i++) {
        bool expected = strcmp(models[i].scan, "MODEL_EXTERNAL_DATA") == 0;
        bool found = lenient_finds_file(LENIENT_MODEL, buf_view(&models[i].bytes));

        if (expected && !found)
            fail_msg("%s", models[i].name);
        seen += found;
    }
    assert_in_range(seen, 25, 100);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Flips one to four bits of a copy. */
static void damage(struct buf *bytes, uint64_t *seed)
{
    for (uint64_t flips = 1 + next_random(seed) % 4; flips > 0; flips--) {
        uint64_t bit = next_random(seed) % (8 * bytes->len);

        bytes->data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

static void flipped_bits(void **state UNUSED)
{
    uint64_t seed = 88172645463325252;
    unsigned count = 0, passed = 0;

    for (size_t i = 0; i < model_count * FLIPS; i++) {
        const struct model *m = &models[i / FLIPS];
        AUTO_MESSAGE bytes = MESSAGE;
        struct scan_info info = {0};

        if (m->bytes.len == 0 || m->bytes.len > FLIP_SIZE)
            continue;
        assert_ok(buf_put_view(&bytes, buf_view(&m->bytes)));
        damage(&bytes, &seed);
        count++;
        if (scan_default(&bytes, &info, NULL) != OK)
            continue;
        passed++;
        if (lenient_finds_file(LENIENT_MODEL, buf_view(&bytes)))
            fail_msg("%s with flipped bits, number %zu", m->name, i % FLIPS);
    }
    assert_in_range(count, 5000, 50000);
    assert_in_range(passed, 1, count / 2);
}

/* The last field of the honest model is one that it must have: no part of it is a model. */
static void every_truncation(void **state UNUSED)
{
    struct scan_policy policy = {.limits = SCAN_LIMITS_DEFAULT};
    struct scan_info info = {0};
    struct view honest = buf_view(&models[0].bytes);

    assert_string_equal(models[0].name, "honest.onnx");
    assert_ok(scan_model(honest, &policy, &info, NULL));
    for (size_t len = 0; len < honest.len; len++) {
        void *part = mem_copy(honest.data, len); /* so that a sanitizer sees the end */
        err_t e = scan_model(view_of(part, len), &policy, &info, NULL);

        mem_free(part);
        if (e != ERR_MODEL_NOT_ONNX && e != ERR_MODEL_MALFORMED)
            fail_msg("%zu bytes: %s", len, err_name(e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gets_its_code),
        cmocka_unit_test(the_second_reader_sees),
        cmocka_unit_test(flipped_bits),
        cmocka_unit_test(every_truncation),
    };
    return cmocka_run_group_tests(tests, read_models, free_models);
}
