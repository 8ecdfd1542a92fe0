/* Whole files in one request: that it is made when it should be, and what comes of archives with faults. */
#include "bare.h"

#include "web.h"

#include "base/clock.h"
#include "fetch/archive.h"
#include "ipld/car.h"
#include "ipld/dagpb.h"
#include "ipld/unixfs.h"

#define RAW "application/vnd.ipld.raw"

#define LEAVES    48
#define LEAF_SIZE (256 * KIB)

/* A file of small leaves below one root, and its archive. */
struct file {
    uint8_t *bytes;
    struct cid leaves[LEAVES];
    struct cid root;
    struct buf root_block;
    struct buf car;
};

static void add_section(struct file *f, const struct cid *cid, struct view bytes)
{
    assert_int_equal(car_put_section(&f->car, cid, bytes.len), OK);
    assert_int_equal(buf_put_view(&f->car, bytes), OK);
}

static struct view leaf_of(const struct file *f, size_t i)
{
    return view_of(f->bytes + i * LEAF_SIZE, LEAF_SIZE);
}

static void make_file(struct file *f)
{
    AUTO_BUF struct buf links = {.max = MIB}, sizes = {.max = MIB}, data = {.max = MIB};
    f->bytes = malloc(LEAVES * LEAF_SIZE);
    f->root_block.max = MIB;
    f->car.max = 2 * LEAVES * LEAF_SIZE;
    assert_non_null(f->bytes);
    for (size_t i = 0; i < LEAVES * LEAF_SIZE; i++)
        f->bytes[i] = (uint8_t)(i * 2654435761U >> 13);
    for (size_t i = 0; i < LEAVES; i++) {
        f->leaves[i] = name_of(leaf_of(f, i));
        assert_int_equal(dagpb_put_link(&links, &f->leaves[i], (struct view){0}, LEAF_SIZE), OK);
        assert_int_equal(unixfs_put_size(&sizes, LEAF_SIZE), OK);
    }
    const struct unixfs file = {.type = UNIXFS_FILE, .filesize = LEAVES * LEAF_SIZE, .sizes = buf_view(&sizes)};
    assert_int_equal(unixfs_put(&data, &file), OK);
    const struct dagpb_node node = {.links = buf_view(&links), .n_links = LEAVES, .data = buf_view(&data)};
    assert_int_equal(dagpb_put(&f->root_block, &node), OK);
    struct cid raw = name_of(buf_view(&f->root_block));
    f->root = cid_make(1, CID_DAG_PB, cid_digest(&raw));
    assert_int_equal(car_put_header(&f->car, &f->root, 1), OK);
    add_section(f, &f->root, buf_view(&f->root_block));
    for (size_t i = 0; i < LEAVES; i++)
        add_section(f, &f->leaves[i], leaf_of(f, i));
}

static void free_file(struct file *f)
{
    free(f->bytes);
    buf_done(&f->root_block);
    buf_done(&f->car);
}

/* Single blocks of it, and the archive as `archive` says. */
struct file_server {
    struct file file;
    struct web_reply archive;
    bool again; /* the root is wanted a second time while its archive comes */
    unsigned n_archives;
    unsigned n_blocks;
    pthread_mutex_t lock;
};

static void serve_file(void *user, const struct web_request *request, struct web_reply *reply)
{
    struct file_server *s = user;
    bool archive = strstr(request->path, "format=car&car-version=1&car-order=dfs&car-dups=n&dag-scope=entity") != NULL;
    (void)pthread_mutex_lock(&s->lock);
    s->n_archives += archive;
    s->n_blocks += !archive;
    (void)pthread_mutex_unlock(&s->lock);
    if (archive) {
        *reply = s->archive;
        return;
    }
    for (size_t i = 0; i <= LEAVES; i++) {
        char text[CID_TEXT_SIZE];
        cid_to_text(i < LEAVES ? &s->file.leaves[i] : &s->file.root, text);
        if (strstr(request->path, text) != NULL)
            *reply = (struct web_reply){
                .status = 200, .type = RAW, .body = i < LEAVES ? leaf_of(&s->file, i) : buf_view(&s->file.root_block)};
    }
}

static void want_root(struct stream *stream, const struct cid *root)
{
    say_frame(stream, &(struct block_frame){.type = BLOCK_WANT, .flags = BLOCK_FLAG_WHOLE_DAG, .cid = cid_view(root)});
}

/* The root, then all leaves, as infer wants them: whatever becomes of the archive they come. */
static void want_file(struct rig *r, struct file_server *s, unsigned *ret_blocks)
{
    struct web *web = web_new(serve_file, s);
    rig_source(r, SOURCE_GATEWAY, web_url(web));
    rig_start(r);
    AUTO_STREAM stream = stream_new(r, 1);
    for (int i = 0; i <= s->again; i++) {
        want_root(&stream, &s->file.root);
        (void)expect(&stream, BLOCK_BLOCK, &s->file.root, buf_view(&s->file.root_block));
    }
    for (size_t i = 0; i < LEAVES; i++)
        say(&stream, BLOCK_WANT, &s->file.leaves[i]);
    for (size_t came = 0; came < LEAVES;) {
        struct block_frame f;
        struct cid cid;
        assert_int_equal(hear(&stream, &f), OK);
        assert_int_equal(f.type, BLOCK_BLOCK);
        struct cid found = name_of(f.bytes);
        assert_int_equal(cid_from_bytes(f.cid, &cid), OK);
        if (cid_equal(&cid, &found)) {
            came++;
        } else {
            say_frame(&stream, &(struct block_frame){.type = BLOCK_REFUSED, .source = f.source, .cid = cid_view(&cid)});
            say(&stream, BLOCK_WANT, &cid);
        }
    }
    rig_stop(r);
    web_free(web);
    assert_int_equal(s->n_archives, 1 + s->again);
    *ret_blocks = s->n_blocks;
}

static struct web_reply car_reply(struct view bytes)
{
    return (struct web_reply){.status = 200,
                              .type = "application/vnd.ipld.car; version=1; order=dfs; dups=n",
                              .body = bytes,
                              .chunked = true};
}

static void a_file_of_many_small_blocks_comes_as_an_archive(void **state)
{
    struct file_server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    unsigned blocks = 0;
    make_file(&s.file);
    s.archive = car_reply(buf_view(&s.file.car));
    want_file(*state, &s, &blocks);
    assert_int_equal(blocks, 1); /* the root */
    free_file(&s.file);
}

/* What did not come with it is asked for one by one. */
static void archives_with_faults(void **state)
{
    (void)state;
    struct file_server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    AUTO_BUF struct buf lie = {.max = GIB}, tail = {.max = GIB};
    make_file(&s.file);
    assert_int_equal(buf_put_view(&lie, buf_view(&s.file.car)), OK);
    lie.data[lie.len / 2] ^= 1;
    assert_int_equal(buf_put(&tail, s.file.car.data, s.file.car.len - 20 * LEAF_SIZE), OK);
    assert_int_equal(buf_put_text(&tail, "\n\n[Gateway Error: Response truncated"), OK);
    struct web_reply whole = car_reply(buf_view(&s.file.car)), cut = whole, html = whole, html_2 = whole;
    cut.cut = 10 * LEAF_SIZE + 777;
    html.type = "text/html";
    html_2.body = text_view("<html>");
    const struct {
        struct web_reply reply;
        unsigned least, most; /* blocks that are asked for */
    } rows[] = {
        {cut, 1 + LEAVES - 10, 1 + LEAVES},
        {car_reply(buf_view(&lie)), 1 + 1, 1 + LEAVES},
        {car_reply(buf_view(&tail)), 1 + 20, 1 + LEAVES},
        {car_reply(view_of(s.file.car.data, s.file.car.len - 20 * LEAF_SIZE)), 1 + 20, 1 + LEAVES},
        {html, 1 + LEAVES, 1 + LEAVES},
        {html_2, 1 + LEAVES, 1 + LEAVES},
        {{.status = 404}, 1 + LEAVES, 1 + LEAVES},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rig *r = rig_new();
        unsigned blocks = 0;
        s.archive = rows[i].reply;
        s.n_archives = s.n_blocks = 0;
        want_file(r, &s, &blocks);
        assert_in_range(blocks, rows[i].least, rows[i].most);
        rig_free(r);
    }
    free_file(&s.file);
}

/* Blocks are there, but nobody sends them: after a while they are asked for one by one. */
static void an_archive_that_stalls(void **state)
{
    struct file_server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    unsigned blocks = 0;
    make_file(&s.file);
    s.archive = car_reply(buf_view(&s.file.car));
    s.archive.delay_ms = 30000;
    uint64_t began = clock_mono_ms();
    want_file(*state, &s, &blocks);
    assert_in_range(clock_mono_ms() - began, ENGINE_SLOW_MS - 100, ENGINE_SLOW_MS + 3000);
    assert_int_equal(blocks, 1 + LEAVES);
    free_file(&s.file);
}

/* The archive was freed by the root that it brought, while its other blocks were being handed out. */
static void an_archive_that_brings_its_root_again(void **state)
{
    struct file_server s = {.lock = PTHREAD_MUTEX_INITIALIZER, .again = true};
    unsigned blocks = 0;
    make_file(&s.file);
    s.archive = car_reply(buf_view(&s.file.car));
    s.archive.delay_ms = 300; /* until the root is wanted again */
    want_file(*state, &s, &blocks);
    assert_int_equal(blocks, 1);
    free_file(&s.file);
}

/* The most that a stream holds that wants the root, and nothing of what the archive brings. */
static size_t most_held(struct bare *b, const struct cid *root)
{
    size_t most = 0;
    want_root(&b->stream, root);
    assert_int_equal(engine_read(&b->engine, b->client), OK);
    for (int i = 0; i < 500 && most < ARCHIVE_AHEAD; i++) {
        bare_turn(b);
        most = MAX(most, archive_held(b->client));
    }
    return most;
}

/* However many blocks come with one read. */
static void tiny_blocks_do_not_take_the_memory(void **state)
{
    struct rig *r = *state;
    struct file_server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    make_file(&s.file);
    buf_clear(&s.file.car);
    assert_int_equal(car_put_header(&s.file.car, &s.file.root, 1), OK);
    for (int i = 0; i < 10000; i++)
        add_section(&s.file, &s.file.leaves[0], text_view("xy"));
    s.archive = car_reply(buf_view(&s.file.car));
    struct web *web = web_new(serve_file, &s);
    rig_source(r, SOURCE_GATEWAY, web_url(web));
    struct bare *b = bare_new(r);
    size_t most = most_held(b, &s.file.root);
    bare_free(b);
    web_free(web);
    assert_int_equal(s.n_archives, 1);
    assert_in_range(most, ARCHIVE_AHEAD, ARCHIVE_AHEAD + BODY_CHUNKS_MAX);
    free_file(&s.file);
}

/* The archive had waited while nothing was wanted, and was given up with the next wants, for the loop had slept
   and its clock with it. */
static void an_archive_outlives_a_long_quiet(void **state)
{
    struct rig *r = *state;
    struct file_server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    make_file(&s.file);
    s.archive = car_reply(buf_view(&s.file.car));
    struct web *web = web_new(serve_file, &s);
    rig_source(r, SOURCE_GATEWAY, web_url(web));
    struct bare *b = bare_new(r);
    assert_true(most_held(b, &s.file.root) >= ARCHIVE_AHEAD);
    b->engine.now_ms = 1;
    engine_begin(&b->engine); /* the last turn, when the machine started */
    for (size_t i = 0; i < LEAVES; i++)
        say(&b->stream, BLOCK_WANT, &s.file.leaves[i]);
    assert_int_equal(engine_read(&b->engine, b->client), OK);
    bare_answer(b);
    bare_free(b);
    web_free(web);
    assert_int_equal(s.n_blocks, 1); /* the root */
    free_file(&s.file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_file_of_many_small_blocks_comes_as_an_archive),
        cmocka_unit_test(archives_with_faults),
        RIG_TEST(an_archive_that_stalls),
        RIG_TEST(an_archive_that_brings_its_root_again),
        RIG_TEST(tiny_blocks_do_not_take_the_memory),
        RIG_TEST(an_archive_outlives_a_long_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
