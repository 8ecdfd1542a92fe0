/* The statement against the vectors, which another implementation made, and every field's range. */
#include "receipt/statement.h"

#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct view text_of(const char *text)
{
    return view_of(text, strlen(text));
}

/* The fields of a vector, each from its own line. `room` keeps those that a statement borrows. */
static struct statement statement_of(const struct vector *v, uint8_t room[4][VECTORS_BYTES_MAX])
{
    uint8_t bytes[VECTORS_BYTES_MAX];
    struct statement s = {
        .kind = (enum statement_kind)vector_number(v, "kind"),
        .has_image = vector_has(v, "image"),
        .asked_cid = vector_bytes(v, "asked-cid", 0, room[0]),
        .asked_path = vector_text(v, "asked-path"),
        .file_cid = vector_bytes(v, "file-cid", 0, room[1]),
        .engine = vector_text(v, "engine"),
        .job = vector_number(v, "job"),
        .start_us = vector_number(v, "start"),
        .end_us = vector_number(v, "end"),
        .clock = (enum statement_clock)vector_number(v, "clock"),
    };
    const struct {
        const char *name;
        size_t word;
        uint8_t *field;
        size_t len;
    } fixed[] = {
        {"salt", 0, s.salt, sizeof(s.salt)},
        {"keyset", 0, s.keyset, sizeof(s.keyset)},
        {"node", 0, s.node, sizeof(s.node)},
        {"policy", 0, s.policy, sizeof(s.policy)},
        {"model", 0, s.model, sizeof(s.model)},
        {"epoch", 0, s.epoch, sizeof(s.epoch)},
        {"input", 0, s.input.descriptors, SHA256_LEN},
        {"input", 1, s.input.tensors, SHA256_LEN},
        {"output", 0, s.output.descriptors, SHA256_LEN},
        {"output", 1, s.output.tensors, SHA256_LEN},
        {"image", 0, s.image, s.has_image ? sizeof(s.image) : 0},
    };
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        if (fixed[i].len == 0)
            continue;
        assert_int_equal(vector_bytes(v, fixed[i].name, fixed[i].word, bytes).len, fixed[i].len);
        memcpy(fixed[i].field, bytes, fixed[i].len);
    }
    if (vector_has(v, "nonce"))
        s.nonce = vector_bytes(v, "nonce", 0, room[2]);
    return s;
}

static void assert_same(const struct statement *a, const struct statement *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_memory_equal(a->salt, b->salt, sizeof(a->salt));
    assert_int_equal(a->has_image, b->has_image);
    assert_memory_equal(a->image, b->image, sizeof(a->image));
    assert_memory_equal(a->keyset, b->keyset, sizeof(a->keyset));
    assert_memory_equal(a->node, b->node, sizeof(a->node));
    assert_memory_equal(a->policy, b->policy, sizeof(a->policy));
    assert_true(view_equal(a->asked_cid, b->asked_cid));
    assert_true(view_equal(a->asked_path, b->asked_path));
    assert_true(view_equal(a->file_cid, b->file_cid));
    assert_memory_equal(a->model, b->model, sizeof(a->model));
    assert_true(view_equal(a->engine, b->engine));
    assert_memory_equal(a->epoch, b->epoch, sizeof(a->epoch));
    assert_true(a->job == b->job);
    assert_memory_equal(&a->input, &b->input, sizeof(a->input));
    assert_memory_equal(&a->output, &b->output, sizeof(a->output));
    assert_true(view_equal(a->nonce, b->nonce));
    assert_true(a->start_us == b->start_us);
    assert_true(a->end_us == b->end_us);
    assert_int_equal(a->clock, b->clock);
}

static void test_vectors(void **state)
{
    (void)state;
    struct vectors file;
    struct vector v;
    size_t longest = 0, longest_base = 0;
    size_t count = 0;
    vectors_open(&file);
    for (; vectors_next(&file, "statement", &v); count++) {
        static uint8_t room[4][VECTORS_BYTES_MAX];
        static uint8_t encoded[VECTORS_BYTES_MAX];
        uint8_t bytes[STATEMENT_MAX];
        size_t len = 0;
        struct statement decoded;
        struct statement s = statement_of(&v, room);
        struct view expected = vector_bytes(&v, "encoded", 0, encoded);
        struct statement_base base;
        assert_int_equal(statement_encode(&s, bytes, &len, NULL), OK);
        assert_true(view_equal(view_of(bytes, len), expected));
        assert_int_equal(statement_base(&s, &base, NULL), OK);
        longest_base = MAX(longest_base, base.len);
        assert_int_equal(statement_decode(expected, &decoded, NULL), OK);
        assert_same(&decoded, &s);
        longest = MAX(longest, len);
    }
    vectors_close(&file);
    assert_true(count >= 4);
    assert_int_equal(longest, STATEMENT_MAX); /* the maximum is exact */
    assert_int_equal(longest_base, STATEMENT_BASE_MAX);
}

static const uint8_t cid[STATEMENT_CID_MAX + 1] = {0x12, 0x20};
static const uint8_t nonce[STATEMENT_NONCE_MAX + 1];
static char long_text[STATEMENT_PATH_MAX + 2];

static struct statement good_statement(void)
{
    return (struct statement){
        .kind = STATEMENT_SIMULATED,
        .asked_cid = view_of(cid, STATEMENT_CID_MIN),
        .asked_path = text_of(""),
        .file_cid = view_of(cid, STATEMENT_CID_MIN),
        .engine = text_of("engine"),
        .clock = STATEMENT_CLOCK_SYSTEM,
    };
}

#define WITH(field, ...)                                                                                               \
    ({                                                                                                                 \
        struct statement with_ = good_statement();                                                                     \
        with_.field = (__VA_ARGS__);                                                                                   \
        with_;                                                                                                         \
    })

static void test_ranges(void **state)
{
    (void)state;
    memset(long_text, 'a', sizeof(long_text) - 1);
    const struct {
        const char *field; /* that the sentence names; NULL: this one is good */
        struct statement s;
    } rows[] = {
        {NULL, good_statement()},
        {"kind", WITH(kind, (enum statement_kind)0)},
        {"kind", WITH(kind, (enum statement_kind)3)},
        {"image digest", WITH(kind, STATEMENT_NITRO)},
        {NULL, WITH(has_image, true)},
        {"asked CID", WITH(asked_cid, view_of(cid, STATEMENT_CID_MIN - 1))},
        {"asked CID", WITH(asked_cid, view_of(cid, STATEMENT_CID_MAX + 1))},
        {NULL, WITH(asked_cid, view_of(cid, STATEMENT_CID_MAX))},
        {"asked path", WITH(asked_path, view_of(long_text, STATEMENT_PATH_MAX + 1))},
        {"asked path", WITH(asked_path, text_of("\xff"))},
        {NULL, WITH(asked_path, view_of(long_text, STATEMENT_PATH_MAX))},
        {"file CID", WITH(file_cid, view_of(cid, STATEMENT_CID_MIN - 1))},
        {"file CID", WITH(file_cid, view_of(cid, STATEMENT_CID_MAX + 1))},
        {"engine id", WITH(engine, text_of(""))},
        {"engine id", WITH(engine, view_of(long_text, STATEMENT_ENGINE_MAX + 1))},
        {"engine id", WITH(engine, text_of("tab\t"))},
        {"engine id", WITH(engine, text_of("del\x7f"))},
        {"engine id", WITH(engine, text_of("\xc3\xb6"))},
        {NULL, WITH(engine, view_of(long_text, STATEMENT_ENGINE_MAX))},
        {"nonce", WITH(nonce, view_of(nonce, STATEMENT_NONCE_MIN - 1))},
        {"nonce", WITH(nonce, view_of(nonce, STATEMENT_NONCE_MAX + 1))},
        {NULL, WITH(nonce, view_of(nonce, STATEMENT_NONCE_MIN))},
        {"end", WITH(start_us, 1)},
        {NULL, WITH(end_us, 1)},
        {"clock source", WITH(clock, (enum statement_clock)0)},
        {"clock source", WITH(clock, (enum statement_clock)3)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t bytes[STATEMENT_MAX];
        size_t len = 0;
        struct why why = {0};
        err_t e = statement_encode(&rows[i].s, bytes, &len, &why);
        assert_int_equal(e, rows[i].field == NULL ? OK : ERR_RECEIPT_MALFORMED);
        if (rows[i].field != NULL)
            assert_non_null(strstr(why.text, rows[i].field));
    }
}

/* One base, and the jobs of a process on it: each is what it is when it is encoded alone. What a base has is not taken from the job. */
static void test_base(void **state)
{
    (void)state;
    const struct statement base_of = WITH(has_image, true);
    const struct statement jobs[] = {WITH(job, 7), WITH(nonce, view_of(nonce, STATEMENT_NONCE_MAX)), WITH(end_us, UINT64_MAX)};
    struct statement_base base;
    assert_int_equal(statement_base(&base_of, &base, NULL), OK);
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        struct statement job = jobs[i], alone = jobs[i];
        uint8_t bytes[STATEMENT_MAX], want[STATEMENT_MAX];
        size_t len = 0, want_len = 0;
        memset(job.salt, (int)i + 1, sizeof(job.salt));
        memcpy(alone.salt, job.salt, sizeof(alone.salt));
        alone.has_image = true;
        job.engine = text_of("another");
        assert_int_equal(statement_finish(&base, &job, bytes, &len, NULL), OK);
        assert_int_equal(statement_encode(&alone, want, &want_len, NULL), OK);
        assert_true(view_equal(view_of(bytes, len), view_of(want, want_len)));
    }
}

/* Every prefix is refused, whichever field it ends in. */
static void test_truncation(void **state)
{
    (void)state;
    uint8_t bytes[STATEMENT_MAX];
    size_t len = 0;
    struct statement decoded;
    struct statement s = good_statement();
    assert_int_equal(statement_encode(&s, bytes, &len, NULL), OK);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(statement_decode(view_of(bytes, n), &decoded, NULL), ERR_RECEIPT_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_base),
        cmocka_unit_test(test_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
