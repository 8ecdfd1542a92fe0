/* Certificates and chains that are wrong in one way each, rightly signed otherwise. */
#include "attest/chain.h"
#include "forge.h"

static err_t judge(const struct forge *f, uint64_t seconds)
{
    struct view ders[FORGE_LEVELS];
    struct chain chain;
    for (size_t i = 0; i < FORGE_LEVELS; i++)
        ders[i] = buf_view(&f->der[i]);
    TRY(chain_read(ders, FORGE_LEVELS, &chain, NULL));
    return chain_verify(&chain, seconds, NULL);
}

static void good(void **state UNUSED)
{
    struct forge f;
    struct cert c;
    forge_chain(&f, forge_good);
    assert_ok(judge(&f, FORGE_NOW));
    assert_ok(cert_read(buf_view(&f.der[1]), &c, NULL));
    assert_true(c.ca);
    assert_int_equal(c.usage, CERT_KEY_CERT_SIGN);
    assert_true(c.not_before == FORGE_NOW - 3600 && c.not_after == FORGE_NOW + 3600);
    assert_int_equal(c.point.len, ES384_POINT_LEN);
    forge_done(&f);
}

static void times(void **state UNUSED)
{
    struct forge f;
    forge_chain(&f, forge_good);
    assert_ok(judge(&f, FORGE_NOW - 3600));
    assert_ok(judge(&f, FORGE_NOW + 3600 - 1));
    assert_err(judge(&f, FORGE_NOW - 3601), ERR_DOC_CERT_TIME);
    assert_err(judge(&f, FORGE_NOW + 3601), ERR_DOC_CERT_TIME);
    forge_done(&f);
    for (size_t i = 0; i < FORGE_LEVELS; i++) { /* each of them counts */
        struct forge_level levels[FORGE_LEVELS];
        memcpy(levels, forge_good, sizeof(levels));
        levels[i].to = FORGE_NOW - 1;
        forge_chain(&f, levels);
        assert_err(judge(&f, FORGE_NOW), ERR_DOC_CERT_TIME);
        forge_done(&f);
    }
}

/* What level `level` is in the place of the good one. */
static const struct {
    const char *what;
    size_t level;
    struct forge_level wrong;
    err_t verdict;
} wrongs[] = {
#define LIFE       .version = 2, .from = FORGE_NOW - 3600, .to = FORGE_NOW + 3600
#define P384       .curve = "P-384", .digest = "SHA384"
#define AUTHORITY  .name = "authority", P384, LIFE
#define LEAF       .name = "leaf", P384, LIFE
#define CA         .constraints = "critical,CA:TRUE,pathlen:0"
#define CA_USAGE   .usage = "critical,keyCertSign"
#define END        .constraints = "critical,CA:FALSE"
#define LEAF_USAGE .usage = "digitalSignature"
#define HUNDRED    "...................................................................................................."
    {"version 1", 2, {.name = "leaf", P384, .version = 0, .from = 0, .to = FORGE_NOW + 1}, ERR_DOC_CERTIFICATE},
    {"curve of a key",
     2,
     {.name = "leaf", .curve = "P-256", .digest = "SHA384", LIFE, END, LEAF_USAGE},
     ERR_DOC_CERTIFICATE},
    {"curve of a signer",
     1,
     {.name = "authority", .curve = "P-521", .digest = "SHA384", LIFE, CA, CA_USAGE},
     ERR_DOC_CERTIFICATE},
    {"digest", 2, {.name = "leaf", .curve = "P-384", .digest = "SHA256", LIFE, END, LEAF_USAGE}, ERR_DOC_CERTIFICATE},
    {"no constraints", 2, {LEAF, LEAF_USAGE}, ERR_DOC_CERTIFICATE},
    {"no constraints of an authority", 1, {AUTHORITY, CA_USAGE}, ERR_DOC_CERTIFICATE},
    {"constraints not critical", 1, {AUTHORITY, .constraints = "CA:TRUE,pathlen:0", CA_USAGE}, ERR_DOC_CERTIFICATE},
    {"unknown critical",
     2,
     {LEAF, END, LEAF_USAGE, .extra = "extendedKeyUsage=critical,serverAuth"},
     ERR_DOC_CERTIFICATE},
    {"unknown twice",
     2,
     {LEAF, END, LEAF_USAGE, .extra = "extendedKeyUsage=serverAuth", .extra_twice = true},
     ERR_DOC_CERTIFICATE},
    {"known twice", 2, {LEAF, END, LEAF_USAGE, .extra = "keyUsage=digitalSignature"}, ERR_DOC_CERTIFICATE},
    {"constraints twice",
     1,
     {AUTHORITY, CA, CA_USAGE, .extra = "basicConstraints=critical,CA:TRUE"},
     ERR_DOC_CERTIFICATE},
    {"too long",
     2,
     {LEAF, END, LEAF_USAGE, .extra = "nsComment=" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED},
     ERR_DOC_CERTIFICATE},
    {"authority that is none", 1, {AUTHORITY, END, CA_USAGE}, ERR_DOC_CHAIN},
    {"authority that may not sign", 1, {AUTHORITY, CA, .usage = "critical,digitalSignature,cRLSign"}, ERR_DOC_CHAIN},
    {"authority without usage", 1, {AUTHORITY, CA}, ERR_DOC_CHAIN},
    {"leaf that is an authority",
     2,
     {LEAF, .constraints = "critical,CA:TRUE", .usage = "digitalSignature,keyCertSign"},
     ERR_DOC_CHAIN},
    {"leaf that may not sign", 2, {LEAF, END, .usage = "nonRepudiation"}, ERR_DOC_CHAIN},
    {"leaf without usage", 2, {LEAF, END}, ERR_DOC_CHAIN},
    {"another issuer", 2, {LEAF, END, LEAF_USAGE, .issuer = "Authority"}, ERR_DOC_CHAIN}, /* OpenSSL would take it */
    {"path too long", 0, {.name = "root", P384, LIFE, CA, .usage = "critical,keyCertSign"}, ERR_DOC_CHAIN},
    {"an unknown one that is not critical", 2, {LEAF, END, LEAF_USAGE, .extra = "extendedKeyUsage=serverAuth"}, OK},
    {"a time after 2049",
     0,
     {.name = "root",
      P384,
      .version = 2,
      .from = 1,
      .to = UINT64_C(2600000000),
      .constraints = "critical,CA:TRUE",
      .usage = "critical,keyCertSign"},
     OK},
};

static void wrong(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(wrongs); i++) {
        struct forge f;
        struct forge_level levels[FORGE_LEVELS];
        memcpy(levels, forge_good, sizeof(levels));
        levels[wrongs[i].level] = wrongs[i].wrong;
        forge_chain(&f, levels);
        err_t e = judge(&f, FORGE_NOW);
        if (e != wrongs[i].verdict)
            fail_msg("%s: %s", wrongs[i].what, err_name(e));
        forge_done(&f);
    }
}

/* Every place gets the certificate of the same place in another chain with the same names. */
static void strangers(void **state UNUSED)
{
    struct forge ours, theirs;
    forge_chain(&ours, forge_good);
    forge_chain(&theirs, forge_good);
    for (size_t i = 0; i < FORGE_LEVELS; i++) {
        struct buf kept = ours.der[i];
        ours.der[i] = theirs.der[i];
        assert_err(judge(&ours, FORGE_NOW), ERR_DOC_CHAIN);
        ours.der[i] = kept;
    }
    assert_ok(judge(&ours, FORGE_NOW));
    forge_done(&ours);
    forge_done(&theirs);
}

static void order(void **state UNUSED)
{
    static const struct {
        size_t n;
        size_t at[4];
    } orders[] = {{3, {1, 0, 2}}, {3, {0, 2, 1}},    {3, {2, 1, 0}},    {2, {0, 2}},
                  {2, {0, 1}},    {4, {0, 0, 1, 2}}, {4, {0, 1, 1, 2}}, {4, {0, 1, 2, 2}}};
    struct forge f;
    forge_chain(&f, forge_good);
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct view ders[4];
        struct chain chain;
        for (size_t k = 0; k < orders[i].n; k++)
            ders[k] = buf_view(&f.der[orders[i].at[k]]);
        assert_ok(chain_read(ders, orders[i].n, &chain, NULL));
        assert_err(chain_verify(&chain, FORGE_NOW, NULL), ERR_DOC_CHAIN);
    }
    forge_done(&f);
}

static void count(void **state UNUSED)
{
    struct forge f;
    struct view ders[CHAIN_MAX + 1];
    struct chain chain;
    forge_chain(&f, forge_good);
    for (size_t i = 0; i < COUNT_OF(ders); i++)
        ders[i] = buf_view(&f.der[0]);
    assert_err(chain_read(ders, 0, &chain, NULL), ERR_DOC_CHAIN);
    assert_err(chain_read(ders, 1, &chain, NULL), ERR_DOC_CHAIN);
    assert_err(chain_read(ders, CHAIN_MAX + 1, &chain, NULL), ERR_DOC_CHAIN);
    assert_ok(chain_read(ders, CHAIN_MAX, &chain, NULL));
    forge_done(&f);
}

/* Every byte of every certificate, one bit of it: refused by its form, or by a signature. */
static void flipped(void **state UNUSED)
{
    struct forge f;
    forge_chain(&f, forge_good);
    for (size_t level = 1; level < FORGE_LEVELS; level++)
        for (size_t i = 0; i < f.der[level].len; i++) {
            f.der[level].data[i] ^= (uint8_t)(1 << i % 8);
            assert_int_not_equal(judge(&f, FORGE_NOW), OK);
            f.der[level].data[i] ^= (uint8_t)(1 << i % 8);
        }
    assert_ok(judge(&f, FORGE_NOW));
    forge_done(&f);
}

static void cut(void **state UNUSED)
{
    struct forge f;
    struct cert c;
    forge_chain(&f, forge_good);
    for (size_t n = 0; n < f.der[2].len; n++)
        assert_err(cert_read(view_of(f.der[2].data, n), &c, NULL), ERR_DOC_CERTIFICATE);
    assert_ok(buf_put_u8(&f.der[2], 0));
    assert_err(cert_read(buf_view(&f.der[2]), &c, NULL), ERR_DOC_CERTIFICATE);
    forge_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),  cmocka_unit_test(times), cmocka_unit_test(wrong),   cmocka_unit_test(strangers),
        cmocka_unit_test(order), cmocka_unit_test(count), cmocka_unit_test(flipped), cmocka_unit_test(cut),
    };
    return cmocka_run_group_tests_name("attest chain", tests, NULL, NULL);
}
