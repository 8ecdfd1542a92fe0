/* The fetcher's loop in a thread, with this program as the supervisor and as the infer processes. */
#include "rig.h"

#include "base/text.h"
#include "fetch/engine.h"
#include "ipld/build.h"
#include "ipld/walk.h"

#include <netdb.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* A megabyte that begins with a number. */
static struct cid keep_megabyte(const struct rig *f, uint32_t n)
{
    static uint8_t bytes[MIB];
    memcpy(bytes, &n, sizeof(n));
    return keep(f, view_of(bytes, sizeof(bytes)));
}

static void gives_blocks_and_says_what_it_has_not(void **state)
{
    struct rig *f = *state;
    rig_start(f);
    struct cid hello = keep(f, text_view("hello")), empty = keep(f, text_view("")), none = name_of(text_view("none"));
    struct cid v0 = cid_make(0, CID_DAG_PB, cid_digest(&hello)); /* the same content under another name */
    AUTO_STREAM s = stream_new(f, 1);
    say(&s, BLOCK_WANT, &hello);
    assert_int_equal(expect(&s, BLOCK_BLOCK, &hello, text_view("hello")), 1);
    say(&s, BLOCK_WANT, &none);
    (void)expect(&s, BLOCK_NOT_FOUND, &none, (struct view){0});
    say(&s, BLOCK_WANT, &empty);
    (void)expect(&s, BLOCK_BLOCK, &empty, (struct view){0});
    say(&s, BLOCK_WANT, &v0);
    (void)expect(&s, BLOCK_BLOCK, &v0, text_view("hello"));
}

/* A store is believed until its first lie, like any other source: whoever asks finds it. From then on what is wrong
   does not travel, and what is right still does. */
static void a_wrong_file_is_no_block(void **state)
{
    struct rig *f = *state;
    rig_start(f);
    struct cid first = name_of(text_view("right")), second = name_of(text_view("as well")),
               hello = keep(f, text_view("hello"));
    assert_int_equal(store_put(&f->store, cid_digest(&first), text_view("wrong")), OK);
    assert_int_equal(store_put(&f->store, cid_digest(&second), text_view("wrong")), OK);
    AUTO_STREAM s = stream_new(f, 1);
    say(&s, BLOCK_WANT, &first);
    uint32_t source = expect(&s, BLOCK_BLOCK, &first, text_view("wrong"));
    say_frame(&s, &(struct block_frame){.type = BLOCK_REFUSED, .source = source, .cid = cid_view(&first)});
    say(&s, BLOCK_WANT, &first);
    (void)expect(&s, BLOCK_NOT_FOUND, &first, (struct view){0});
    say(&s, BLOCK_WANT, &second);
    (void)expect(&s, BLOCK_NOT_FOUND, &second, (struct view){0});
    say(&s, BLOCK_WANT, &hello);
    (void)expect(&s, BLOCK_BLOCK, &hello, text_view("hello"));
}

/* Whatever could not be read was taken for a wrong block, and what was in its place in the cache was removed. */
static void what_cannot_be_read_is_not_wrong(void **state)
{
    struct rig *f = *state;
    struct cid hello = keep(f, text_view("hello"));
    char folder[256], path[512];
    char digits[HEX_LEN(SHA256_LEN) + 1];
    struct stat st;
    rig_cache(f);
    hex_encode(cid_digest(&hello), SHA256_LEN, digits);
    (void)snprintf(folder, sizeof(folder), "%s/%.2s", f->cache_path, digits);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, digits);
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(symlink("elsewhere", path), 0); /* is never followed */
    rig_start(f);
    AUTO_STREAM s = stream_new(f, 1);
    say(&s, BLOCK_WANT, &hello);
    assert_int_equal(expect(&s, BLOCK_BLOCK, &hello, text_view("hello")), 1);
    rig_stop(f);
    assert_int_equal(lstat(path, &st), 0);
}

static void a_stream_that_is_not_read_holds_up_nobody(void **state)
{
    struct rig *f = *state;
    rig_start(f);
    struct cid large[40], hello = keep(f, text_view("hello"));
    AUTO_STREAM slow = stream_new(f, 1);
    AUTO_STREAM quick = stream_new(f, 2);
    for (uint32_t i = 0; i < COUNT_OF(large); i++) {
        large[i] = keep_megabyte(f, i);
        say(&slow, BLOCK_WANT, &large[i]);
    }
    for (int i = 0; i < 10; i++) {
        say(&quick, BLOCK_WANT, &hello);
        (void)expect(&quick, BLOCK_BLOCK, &hello, text_view("hello"));
    }
    for (uint32_t i = 0; i < COUNT_OF(large); i++) {
        struct block_frame got;
        assert_int_equal(hear(&slow, &got), OK);
        assert_true(got.type == BLOCK_BLOCK && got.bytes.len == MIB && memcmp(got.bytes.data, &i, sizeof(i)) == 0);
    }
}

static void who_breaks_the_rules_is_cut_off(void **state)
{
    struct rig *f = *state;
    rig_start(f);
    static const char *const bad[] = {
        "\x01\x00\x00\x00\x05", /* SOURCE_DEAD is not for infer to say */
        ("\x05\x00\x00\x00\x01\x01"
         "abc"),                /* not a CID */
        "\xff\xff\xff\x7f\x01", /* no end */
    };
    static const size_t lengths[] = {5, 9, 5};
    struct cid hello = keep(f, text_view("hello"));
    AUTO_STREAM good = stream_new(f, 9);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_STREAM s = stream_new(f, 1);
        assert_int_equal(fd_write_all(s.fd, bad[i], lengths[i]), OK);
        expect_end(&s);
    }
    say(&good, BLOCK_WANT, &hello);
    (void)expect(&good, BLOCK_BLOCK, &hello, text_view("hello"));
}

static void wants_without_end_are_cut_off(void **state)
{
    struct rig *f = *state;
    rig_start(f);
    struct cid large = keep_megabyte(f, 0);
    AUTO_STREAM s = stream_new(f, 1);
    struct block_frame got;
    AUTO_BUF struct buf wants = {.max = 2 * BLOCK_WANTS_MAX};
    const struct block_frame want = {.type = BLOCK_WANT, .cid = cid_view(&large)};
    /* One is being sent, the queue takes BLOCK_WANTS_MAX bytes, and what comes then is too much. */
    while (wants.len <= BLOCK_WANTS_MAX + 2 * block_want_len(large.len))
        assert_int_equal(block_encode_head(&wants, &want), OK);
    assert_int_equal(send(s.fd, wants.data, wants.len, MSG_NOSIGNAL), wants.len);
    err_t e = OK;
    while (e == OK)
        e = hear(&s, &got);
    assert_int_equal(e, ERR_CLOSED);
}

static void more_streams_than_places_wait(void **state)
{
    struct rig *f = *state;
    rig_start(f);
    struct cid hello = keep(f, text_view("hello"));
    struct stream streams[ENGINE_CLIENTS + 5];
    for (uint32_t i = 0; i < COUNT_OF(streams); i++) {
        streams[i] = stream_new(f, i);
        say(&streams[i], BLOCK_WANT, &hello);
    }
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        (void)expect(&streams[i], BLOCK_BLOCK, &hello, text_view("hello"));
        stream_done(&streams[i]);
    }
}

/* ── names ── */

static atomic_bool name_asked, name_known;

/* libcurl's, in a thread of its own: no name server answers until the test says so. */
__attribute__((visibility("default"))) int getaddrinfo(const char *node UNUSED, const char *service UNUSED,
                                                       const struct addrinfo *hints UNUSED,
                                                       struct addrinfo **ret UNUSED)
{
    atomic_store(&name_asked, true);
    for (int ms = 0; ms < TIMEOUT_MS + 2000 && !atomic_load(&name_known); ms += 10)
        (void)usleep(10000);
    return EAI_NONAME;
}

static void want_of_a_name(struct stream *s, const struct cid *cid)
{
    atomic_store(&name_asked, false);
    say(s, BLOCK_WANT, cid);
    for (int ms = 0; ms < TIMEOUT_MS && !atomic_load(&name_asked); ms += 10)
        (void)usleep(10000);
    assert_true(atomic_load(&name_asked));
}

/* The loop stood until the name server had answered, whenever nobody wanted the block any more. */
static void a_name_that_is_looked_up_holds_up_nobody(void **state)
{
    struct rig *f = *state;
    struct cid hello = keep(f, text_view("hello")), none = name_of(text_view("none"));
    rig_source(f, SOURCE_FILES, "http://name.invalid");
    rig_start(f);
    AUTO_STREAM s = stream_new(f, 1);
    want_of_a_name(&s, &none);
    say(&s, BLOCK_CANCEL, &none);
    say(&s, BLOCK_WANT, &hello);
    (void)expect(&s, BLOCK_BLOCK, &hello, text_view("hello"));
    want_of_a_name(&s, &none);
    rig_stop(f);
    assert_false(atomic_load(&name_known));
    atomic_store(&name_known, true);
}

/* ── a whole file, as infer fetches it ── */

static err_t put_block(void *user, const struct cid *cid, struct view bytes)
{
    return store_put(user, cid_digest(cid), bytes);
}

static err_t no_start(void *user UNUSED, uint64_t size UNUSED, const struct cid *file UNUSED)
{
    return OK;
}

static err_t write_bytes(void *user, uint64_t offset, struct view bytes)
{
    memcpy((uint8_t *)user + offset, bytes.data, bytes.len);
    return OK;
}

static void pull_file(struct stream *s, struct walk *w)
{
    while (!walk_done(w)) {
        struct block_frame f;
        struct cid cid;
        for (struct walk_want want; walk_want(w, &want);)
            say(s, BLOCK_WANT, &want.cid);
        assert_int_equal(hear(s, &f), OK);
        assert_int_equal(f.type, BLOCK_BLOCK);
        assert_int_equal(cid_from_bytes(f.cid, &cid), OK);
        assert_int_equal(walk_block(w, &cid, f.bytes), OK);
    }
}

static void a_whole_file(void **state)
{
    struct rig *f = *state;
    rig_start(f);
    const size_t size = 20 * MIB + 12345;
    uint8_t *file = malloc(size), *got = calloc(1, size);
    AUTO(build_free) struct build *b = NULL;
    AUTO(walk_free) struct walk *w = NULL;
    AUTO_STREAM s = stream_new(f, 1);
    struct walk_params params = {.max_size = GIB, .seed = 1, .sink = {got, no_start, write_bytes}};
    uint64_t built = 0;
    if (file == NULL || got == NULL)
        fail();
    for (size_t i = 0; i < size; i++)
        file[i] = (uint8_t)(i * 2654435761U >> 11);
    assert_int_equal(build_new(0, &(struct build_sink){&f->store, put_block}, &b), OK);
    assert_int_equal(build_push(b, view_of(file, size)), OK);
    assert_int_equal(build_finish(b, &params.root, &built), OK);
    assert_int_equal(walk_new(&params, &w), OK);
    pull_file(&s, w);
    assert_memory_equal(file, got, size);
    free(file);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(gives_blocks_and_says_what_it_has_not),
        RIG_TEST(a_wrong_file_is_no_block),
        RIG_TEST(what_cannot_be_read_is_not_wrong),
        RIG_TEST(a_stream_that_is_not_read_holds_up_nobody),
        RIG_TEST(who_breaks_the_rules_is_cut_off),
        RIG_TEST(wants_without_end_are_cut_off),
        RIG_TEST(more_streams_than_places_wait),
        RIG_TEST(a_name_that_is_looked_up_holds_up_nobody),
        RIG_TEST(a_whole_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
