/* The vectors of other implementations. Skipped when they are not there. */
#include "base/text.h"
#include "ipld/build.h"
#include "ipld/car.h"
#include "ipld/dagpb.h"
#include "ipld/model_id.h"
#include "ipld/multibase.h"
#include "ipld/unixfs.h"
#include "vectors.h"
#include "walker.h"

/* ── multibase and CID texts ── */

static bool base_is_ours(const char *text)
{
    return text[0] != '\0' && strchr("fbkzu", text[0]) != NULL;
}

/* `base, "text"` lines; the first line has the decoded bytes, with \x00 for a zero byte. */
static void check_csv(const char *name, struct view expected, bool canonical, int rows_expected)
{
    AUTO_BUF struct buf csv = vector_must(name);
    int rows = 0;
    assert_ok(buf_put_u8(&csv, '\0'));
    for (char *line = strtok((char *)csv.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *text = strchr(line, '"');
        if (text == NULL || !base_is_ours(++text))
            continue;
        text[strcspn(text, "\"")] = '\0';
        uint8_t bytes[64];
        size_t len = 0;
        err_t e = multibase_decode(text_view(text), bytes, sizeof(bytes), &len);
        rows++;
        if (!canonical) { /* mixed case: other decoders take it, ours is strict */
            assert_err(e, ERR_MALFORMED);
            continue;
        }
        assert_ok(e);
        assert_true(view_equal(view_of(bytes, len), expected));
        AUTO_BUF struct buf again = {.max = 256};
        assert_ok(multibase_encode(text[0], expected, &again));
        assert_true(view_is(buf_view(&again), text));
    }
    assert_int_equal(rows, rows_expected);
}

static void multibase_csv(void **state UNUSED)
{
    check_csv("multibase/basic.csv", text_view("yes mani !"), true, 5);
    check_csv("multibase/leading_zero.csv", view_of("\0yes mani !", 11), true, 5);
    check_csv("multibase/two_leading_zeros.csv", view_of("\0\0yes mani !", 12), true, 5);
    check_csv("multibase/case_insensitivity.csv", text_view("hello world"), false, 3);
}

static void valid_cid_texts(void **state UNUSED)
{
    AUTO_JSON doc = json_must("own-js/cid_strings.json");
    yyjson_val *row = NULL;
    size_t i = 0, n = 0, taken = 0;
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "valid"), i, n, row)
    {
        const char *text = json_text(row, "s"), *hex = json_text(row, "bytes");
        uint8_t bytes[64];
        struct cid c;
        err_t e = cid_from_text(text_view(text), &c, NULL);
        assert_ok(hex_decode(text_view(hex), bytes, strlen(hex) / 2));
        if (strcmp(json_text(row, "name"), "identity-empty") == 0) {
            assert_err(e, ERR_CID_IDENTITY);
            continue;
        }
        if (!base_is_ours(text) && strncmp(text, "Qm", 2) != 0) {
            assert_err(e, ERR_CID_MALFORMED);
            continue;
        }
        assert_ok(e);
        assert_true(view_equal(cid_view(&c), view_of(bytes, strlen(hex) / 2)));
        taken++;
    }
    assert_int_equal(taken, 2 * 5 + 1);
}

static void invalid_cid_texts(void **state UNUSED)
{
    AUTO_JSON doc = json_must("own-js/cid_strings.json");
    yyjson_val *row = NULL;
    size_t i = 0, n = 0;
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "invalid"), i, n, row)
    {
        const char *text = json_text(row, "s"), *hex = json_text(row, "bytes");
        uint8_t bytes[64];
        struct cid c;
        if (text != NULL) {
            assert_err(cid_from_text(text_view(text), &c, NULL), ERR_CID_MALFORMED);
        } else {
            assert_ok(hex_decode(text_view(hex), bytes, strlen(hex) / 2));
            assert_err(cid_from_bytes(view_of(bytes, strlen(hex) / 2), &c), ERR_CID_MALFORMED);
        }
    }
    assert_true(n >= 25);
}

/* ── dag-pb fixtures ── */

static const struct {
    const char *name;
    const char *cid;
    size_t n_links;
    size_t data_len;
} fixtures[] = {
    {"11unnamedlinks+data", "bafybeie7xh3zqqmeedkotykfsnj2pi4sacvvsjq6zddvcff4pq7dvyenhu", 11, 9},
    {"1link", "bafybeihyivpglm6o6wrafbe36fp5l67abmewk7i2eob5wacdbhz7as5obe", 1, 0},
    {"2link+data", "bafybeibh647pmxyksmdm24uad6b5f7tx4dhvilzbg2fiqgzll4yek7g7y4", 2, 9},
    {"4namedlinks+data", "bafybeigcsevw74ssldzfwhiijzmg7a35lssfmjkuoj2t5qs5u5aztj47tq", 4, 2},
    {"7unnamedlinks+data", "bafybeibfhhww5bpsu34qs7nz25wp7ve36mcc5mxd5du26sr45bbnjhpkei", 7, 43},
    {"Data_some", "bafybeibazl2z4vqp2tmwcfag6wirmtpnomxknqcgrauj7m2yisrz3qjbom", 0, 5},
    {"Data_zero", "bafybeiaqfni3s5s2k2r6rgpxz4hohdsskh44ka5tk6ztbjerqpvxwfkwaq", 0, 0},
    {"Links_Hash_some_Name_some", "bafybeifq4hcxma3kjljrpxtunnljtc6tvbkgsy3vldyfpfbx2lij76niyu", 1, 0},
    {"Links_Hash_some_Name_zero", "bafybeie7fstnkm4yshfwnmpp7d3mlh4f4okmk7a54d6c3ffr755q7qzk44", 1, 0},
    {"Links_Hash_some_Tsize_some", "bafybeiezymjvhwfuharanxmzxwuomzjjuzqjewjolr4phaiyp6l7qfwo64", 1, 0},
    {"Links_Hash_some_Tsize_zero", "bafybeichjs5otecmbvwh5azdr4jc45mp2qcofh2fr54wjdxhz4znahod2i", 1, 0},
    {"Links_Hash_some", "bafybeia53f5n75ituvc3yupuf7tdnxf6fqetrmo2alc6g6iljkmk7ys5mm", 1, 0},
    {"empty", "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", 0, 0},
    {"simple_forms_1", "bafybeia2qk4u55f2qj7zimmtpulejgz7urp7rzs44cvledcaj42gltkk3u", 0, 3},
    {"simple_forms_2", "bafybeiahfgovhod2uvww72vwdgatl5r6qkoeegg7at2bghiokupfphqcku", 3, 0},
    {"simple_forms_3", "bafybeidrg2f6slbv4yzydqtgmsi2vzojajnt7iufcreynfpxndca4z5twm", 3, 0},
    {"simple_forms_4", "bafybeieube7zxmzoc5bgttub2aqofi6xdzimv5munkjseeqccn36a6v6j4", 2, 0},
};

static void dagpb_fixtures(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(fixtures); i++) {
        char name[256];
        struct cid cid;
        struct dagpb_node node;
        (void)snprintf(name, sizeof(name), "codec-fixtures-dagpb/dagpb_%s__%s.dag-pb", fixtures[i].name,
                       fixtures[i].cid);
        AUTO_BUF struct buf block = vector_must(name);
        assert_ok(cid_from_text(text_view(fixtures[i].cid), &cid, NULL));
        assert_ok(cid_check(&cid, buf_view(&block)));
        assert_ok(dagpb_parse(buf_view(&block), &node));
        assert_int_equal(node.n_links, fixtures[i].n_links);
        assert_int_equal(node.data.len, fixtures[i].data_len);
    }
}

/* Nodes whose links have all three fields come out of our encoder as they went in. */
static void dagpb_fixtures_again(void **state UNUSED)
{
    static const size_t whole[] = {0, 2, 3, 4};
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        char name[256];
        struct dagpb_node node;
        AUTO_BUF struct buf links = {.max = KIB}, again = {.max = KIB};
        (void)snprintf(name, sizeof(name), "codec-fixtures-dagpb/dagpb_%s__%s.dag-pb", fixtures[whole[i]].name,
                       fixtures[whole[i]].cid);
        AUTO_BUF struct buf block = vector_must(name);
        assert_ok(dagpb_parse(buf_view(&block), &node));
        for (struct view rest = node.links; rest.len > 0;) {
            struct dagpb_link link;
            assert_ok(dagpb_take_link(&rest, &link));
            assert_ok(dagpb_put_link(&links, &link.target.cid, link.name, link.tsize));
        }
        assert_ok(dagpb_put(&again, &(struct dagpb_node){.links = buf_view(&links), .data = node.data}));
        assert_true(view_equal(buf_view(&again), buf_view(&block)));
    }
}

/* ── whole files ── */

static void expect_sha256(const struct output *o, const char *hex)
{
    uint8_t digest[SHA256_LEN];
    char text[HEX_LEN(SHA256_LEN) + 1];
    assert_ok(sha256_of(o->bytes, o->size, digest));
    hex_encode(digest, sizeof(digest), text);
    assert_string_equal(text, hex);
}

static err_t walk_id(const struct dag *d, const char *id_text, enum order order, struct output *o)
{
    struct model_id id;
    TRY(model_id_parse(text_view(id_text), &id, NULL));
    struct walk_params params = walker_params(o, &id.cid, "");
    params.path = model_id_path(&id);
    return walker_run(d, &params, order);
}

static void js_shapes(void **state UNUSED)
{
    AUTO_JSON doc = json_must("own-js/expected.json");
    yyjson_val *row = NULL;
    size_t i = 0, n = 0;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, row)
    {
        AUTO_DAG d = dag_new();
        char name[256];
        (void)snprintf(name, sizeof(name), "own-js/%s.dfs-dups-y.car", json_text(row, "name"));
        AUTO_BUF struct buf car = vector_must(name);
        assert_true(car_read(buf_view(&car), d));
        for (enum order order = ORDER_FIRST; order <= ORDER_RANDOM; order++) {
            AUTO(output_done) struct output o = {0};
            assert_ok(walk_id(d, json_text(row, "root"), order, &o));
            assert_int_equal(o.size, yyjson_get_uint(yyjson_obj_get(row, "size")));
            expect_sha256(&o, json_text(row, "sha256"));
            assert_int_equal(o.wants, yyjson_get_uint(yyjson_obj_get(row, "blocks_dups_n")));
        }
    }
    assert_int_equal(n, 14);
}

/* Where the manifest leaves it to the reader's policy, this is ours. */
static bool policy_accepts(const char *file)
{
    static const char *const accepted[] = {"car-extra-block.car", "car-trailing-garbage.car", "dups-n.car"};
    static const char *const refused[] = {"ufs-type-dup.car",      "ufs-packed-blocksizes.car", "ufs-unknown-field.car",
                                          "cid-identity-dagpb.car", "cid-sha512.car"};
    for (size_t i = 0; i < COUNT_OF(accepted); i++)
        if (strcmp(file, accepted[i]) == 0)
            return true;
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        if (strcmp(file, refused[i]) == 0)
            return false;
    fail_msg("no policy for %s", file);
    return false;
}

static void adversarial_cars(void **state UNUSED)
{
    AUTO_JSON doc = json_must("own-adversarial/manifest.json");
    yyjson_val *row = NULL;
    size_t i = 0, n = 0;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, row)
    {
        AUTO_DAG d = dag_new();
        AUTO(output_done) struct output o = {0};
        char name[256];
        const char *file = json_text(row, "file"), *expected = json_text(row, "expect");
        bool accept = strcmp(expected, "policy") == 0 ? policy_accepts(file) : strcmp(expected, "accept") == 0;
        (void)snprintf(name, sizeof(name), "own-adversarial/%s", file);
        AUTO_BUF struct buf car = vector_must(name);
        err_t e = ERR_MALFORMED;
        if (car_read(buf_view(&car), d))
            e = walk_id(d, json_text(row, "request_cid"), ORDER_FIRST, &o);
        if ((e == OK) != accept)
            fail_msg("%s: %s", file, err_name(e));
        if (!accept)
            continue;
        assert_int_equal(o.size, yyjson_get_uint(yyjson_obj_get(row, "size")));
        expect_sha256(&o, json_text(row, "sha256"));
    }
    assert_int_equal(n, 60);
}

static const char multiblock_sha256[] = "998785f13287a9aabc2d7048e4c2905d502ff13ef40f2d135f163b5a762701c5";
static const char hello_sha256[] = "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447";

/* CAR, what is asked for, and its error or its content. */
static const struct {
    const char *car;
    const char *id;
    err_t expected;
    const char *sha256;
} real_cars[] = {
#define DIR_WITH_FILES "bafybeihchr7vmgjaasntayyatmp5sv6xza57iy2h4xj7g46bpjij6yhrmy"
    {"gateway-conformance/path_gateway_unixfs__dir-with-files.car", DIR_WITH_FILES "/hello.txt", OK, hello_sha256},
    {"gateway-conformance/path_gateway_unixfs__dir-with-files.car", DIR_WITH_FILES "/ascii-copy.txt", OK,
     "aa033cd9700e72cdbb1071e533196d5587bcfe3c824473ec6aab8b4cb07b4cbb"},
    {"gateway-conformance/path_gateway_unixfs__dir-with-files.car", DIR_WITH_FILES "/multiblock.txt", OK,
     multiblock_sha256},
    {"gateway-conformance/path_gateway_unixfs__dir-with-files.car",
     "bafybeigcisqd7m5nf3qmuvjdbakl5bdnh4ocrmacaqkpuh77qjvggmt2sa", OK, multiblock_sha256},
    {"gateway-conformance/path_gateway_unixfs__dir-with-files.car", DIR_WITH_FILES, ERR_MODEL_IS_DIRECTORY, NULL},
    {"gateway-conformance/path_gateway_unixfs__dir-with-files.car", DIR_WITH_FILES "/hello", ERR_MODEL_PATH_NOT_FOUND,
     NULL},
    {"gateway-conformance/trustless_gateway_car__dir-with-duplicate-files.car", DIR_WITH_FILES "/multiblock.txt", OK,
     multiblock_sha256},
    {"gateway-conformance/trustless_gateway_car__subdir-with-mixed-block-files.car",
     "bafybeidh6k2vzukelqtrjsmd4p52cpmltd2ufqrdtdg6yigi73in672fwu/subdir/multiblock.txt", OK, multiblock_sha256},
    {"gateway-conformance/trustless_gateway_car__subdir-with-two-single-block-files.car",
     "bafybeietjm63oynimmv5yyqay33nui4y4wx6u3peezwetxgiwvfmelutzu/subdir/hello.txt", OK, hello_sha256},
    {"gateway-conformance/trustless_gateway_car__single-layer-hamt-with-multi-block-files.car",
     "bafybeidbclfqleg2uojchspzd4bob56dqetqjsj27gy2cq3klkkgxtpn4i/470.txt", ERR_MODEL_IS_HAMT, NULL},
    {"gateway-conformance/trustless_gateway_car__file-3k-and-3-blocks-missing-block.car",
     "QmYhmPjhFjYFyaoiuNzYv8WGavpSRDwdHWe5B4M5du5Rtk", ERR_NOT_FOUND, NULL},
    {"gateway-conformance/trustless_gateway_car__dir-with-dag-cbor-with-links.car",
     "bafybeia264q44a3kmfc2otctzu4egp2k235o3t7mslz2yjraymp4nv6asi/document", ERR_CID_UNSUPPORTED, NULL},
    {"gateway-conformance/gateway-raw-block.car",
     "bafkreihhpc5y2pqvl5rbe5uuyhqjouybfs3rvlmisccgzue2kkt5zq6upq", OK,
     "e778bb8d3e155f62127694c1e09753012cb71aad8890846cd09a52a7dcc3d47c"},
    {"gateway-conformance/path_gateway_unixfs__symlink.car",
     "QmWvY6FaqFMS89YAQ9NAPjVP4WZKA1qbHbicc9HeSKQTgt/foo", OK,
     "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53"},
    {"gateway-conformance/path_gateway_unixfs__symlink.car",
     "QmWvY6FaqFMS89YAQ9NAPjVP4WZKA1qbHbicc9HeSKQTgt/bar", ERR_MODEL_NOT_A_FILE, NULL},
    {"gateway-conformance/tooling-issue-54.car", "QmZgfvZtoFdbJy4JmpPHc1NCXyA7Snim2L8e6zKspiUzhu", OK,
     "5ecf8d2cc410094e8b82dd0bc178a57f3aa1e80916689beb00fe56148b1b1256"},
    {"boxo/test.car", "bafybeigmlfksb374fdkxih4urny2yiyazyra2375y2e4a72b3jcrnthnau", OK,
     "63f5f998733beb0a2583b35a319db8bd141f2673953135e05db0670175008010"},
    {"boxo/directory-with-multilayer-hamt-and-multiblock-files.car",
     "bafybeid3trcauvcp7fxaai23gkz3qexmlfxnnejgwm57hdvre472dafvha", OK,
     "10489893b0bb1b5f44e2947527dafa2906e993bd01f90f0cc31d4775705f2e9b"},
    /* 966 entries, named by the CIDs of their contents */
    {"kubo/TestGatewayHAMTDirectory.car",
     "bafybeig3yoibxe56aolixqa4zk55gp5sug3qgaztkakpndzk2b2ynobd4i/"
     "bafkreia2bacav77kecibiwcqs3f4xywdorhbxvhwg74jdqwetrwhuw5d4y",
     OK, "1a08040affea209014585096cbcbe2c3744e1bd4f637f891c2c49c6c7a5ba3e6"},
    {"kubo/partial-dag-scope-entity.car", "QmPDC11yLAbVw3dX5jMeEuSdk4BiVjSd9X87zaYRdVjzW3", ERR_MODEL_IS_DIRECTORY,
     NULL},
    {"go-car/simple-unixfs.car", "QmPLPpnptHc1DMhJAWNYMTqBTqqRQNy5WsY7F9pZgsBfMT/a/1/A.txt", OK,
     "d4e8d89ca95175e47c5f46e1d98a8fe651b64965f8599ebaba643eb9f83c4a04"},
    {"go-car/simple-unixfs-missing-blocks.car",
     "QmPLPpnptHc1DMhJAWNYMTqBTqqRQNy5WsY7F9pZgsBfMT/b/5/E.txt", ERR_NOT_FOUND, NULL},
    {"go-car/wikipedia-cryptographic-hash-function.car", "bafybeiaysi4s6lnjev27ln5icwm6tueaw2vdykrtjkwiphwekaywqhcjze",
     ERR_MODEL_IS_HAMT, NULL},
};

static void real_files(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(real_cars); i++) {
        AUTO_DAG d = dag_new();
        AUTO(output_done) struct output o = {0};
        AUTO_BUF struct buf car = vector_must(real_cars[i].car);
        assert_true(car_read(buf_view(&car), d));
        err_t e = walk_id(d, real_cars[i].id, ORDER_RANDOM, &o);
        if (e != real_cars[i].expected)
            fail_msg("%s %s: %s", real_cars[i].car, real_cars[i].id, err_name(e));
        if (e == OK)
            expect_sha256(&o, real_cars[i].sha256);
    }
}

/* ── archives, as our reader reads them ── */

/* Like the reader of the tests above, which shares nothing with it. */
static err_t keep_section(void *user, const struct car_section *s)
{
    struct dag *d = user;
    if (s->cid.kind != CID_BLOCK || dag_find(d, &s->cid.cid) != NULL)
        return OK;
    assert_true(d->n < DAG_BLOCKS);
    struct dag_block *b = &d->blocks[d->n++];
    b->cid = s->cid.cid;
    b->bytes.max = 8 * MIB;
    return buf_put_view(&b->bytes, s->bytes);
}

static err_t read_with_ours(struct view car, struct dag *d)
{
    AUTO(car_reader_done) struct car_reader r = {0};
    struct view piece = {0};
    car_reader_init(&r, &(struct car_sink){d, NULL, keep_section});
    while (car.len > 0) {
        assert_ok(view_take(&car, MIN(car.len, 4099), &piece));
        TRY(car_push(&r, piece, NULL));
    }
    return car_finish(&r, NULL);
}

static void our_reader_agrees(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(real_cars); i++) {
        AUTO_DAG ours = dag_new();
        AUTO_DAG theirs = dag_new();
        AUTO_BUF struct buf car = vector_must(real_cars[i].car);
        assert_ok(read_with_ours(buf_view(&car), ours));
        assert_true(car_read(buf_view(&car), theirs));
        assert_int_equal(ours->n, theirs->n);
        for (size_t n = 0; n < ours->n; n++) {
            assert_true(cid_equal(&ours->blocks[n].cid, &theirs->blocks[n].cid));
            assert_true(view_equal(buf_view(&ours->blocks[n].bytes), buf_view(&theirs->blocks[n].bytes)));
        }
    }
}

static void go_car_verdicts(void **state UNUSED)
{
    static const struct {
        const char *name;
        err_t expected;
    } rows[] = {
        {"badheaderlength", ERR_CAR_MALFORMED},
        {"badsectionlength", ERR_BLOCK_TOO_LARGE},
        {"sample-corrupt-pragma", ERR_CAR_TRUNCATED},
        {"sample-rootless-v42", ERR_CAR_VERSION},
        {"sample-unixfs-v2", ERR_CAR_VERSION},
        {"sample-v1-tailing-corrupt-section", ERR_CAR_TRUNCATED},
        {"sample-v1-with-zero-len-section2", ERR_CAR_MALFORMED},
        {"sample-v1", OK},
        {"sample-v1-noidentity", OK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_DAG d = dag_new();
        char name[80];
        (void)snprintf(name, sizeof(name), "go-car/%s.car", rows[i].name);
        AUTO_BUF struct buf car = vector_must(name);
        err_t e = read_with_ours(buf_view(&car), d);
        if (e != rows[i].expected)
            fail_msg("%s: %s", rows[i].name, err_name(e));
    }
}

/* ── the builder, on files of which others say the CID ── */

static err_t count_block(void *user, const struct cid *cid, struct view bytes)
{
    size_t *n = user;
    *n += 1;
    return cid_check(cid, bytes);
}

static void builds_the_same_roots(void **state UNUSED)
{
    static const struct {
        const char *car;
        const char *root;
        unsigned version;
        size_t blocks;
    } rows[] = {
        {"own-js/empty-v0.dfs-dups-y.car", "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH", 0, 1},
        {"own-js/small-v0-inline.dfs-dups-y.car", "QmUm6ckayShaVJuTLFtyV92VHd8pmuSeZEbr3UrqEXVoaV", 0, 1},
        {"own-js/balanced-v0-dagpb-256KiB.dfs-dups-y.car", "QmbBSTE5o6DYCq63wjVHLhyEcKrbndjk44vtxasGVBEWE9", 0, 14},
        {"own-js/empty-raw.dfs-dups-y.car", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", 1, 1},
        {"boxo/test.car", "bafybeigmlfksb374fdkxih4urny2yiyazyra2375y2e4a72b3jcrnthnau", 1, 3},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_DAG d = dag_new();
        AUTO(output_done) struct output o = {0};
        AUTO(build_free) struct build *b = NULL;
        AUTO_BUF struct buf car = vector_must(rows[i].car);
        struct cid root;
        char text[CID_TEXT_SIZE];
        uint64_t size = 0;
        size_t blocks = 0;
        assert_true(car_read(buf_view(&car), d));
        assert_ok(walk_id(d, rows[i].root, ORDER_FIRST, &o));
        assert_ok(build_new(rows[i].version, &(struct build_sink){&blocks, count_block}, &b));
        assert_ok(build_push(b, view_of(o.bytes, o.size)));
        assert_ok(build_finish(b, &root, &size));
        cid_to_text(&root, text);
        assert_string_equal(text, rows[i].root);
        assert_int_equal(size, o.size);
        assert_int_equal(blocks, rows[i].blocks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multibase_csv),      cmocka_unit_test(valid_cid_texts),
        cmocka_unit_test(invalid_cid_texts),  cmocka_unit_test(dagpb_fixtures),
        cmocka_unit_test(dagpb_fixtures_again), cmocka_unit_test(js_shapes),
        cmocka_unit_test(adversarial_cars),   cmocka_unit_test(real_files),
        cmocka_unit_test(our_reader_agrees),  cmocka_unit_test(go_car_verdicts),
        cmocka_unit_test(builds_the_same_roots),
    };
    if (vectors_absent())
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
