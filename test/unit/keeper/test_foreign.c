/* Certificates of others: which are taken, and that nothing else is. */
#include "keeper/foreign.h"

#include "pki.h"
#include "unit.h"

#include <openssl/x509.h>

#define CHAIN_MAX (16 * KIB)

static EVP_PKEY *key, *authority;
static struct buf spki, leaf, chain; /* the chain: leaf, middle, root */

static void put_spki(EVP_PKEY *of, struct buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(of, &der);
    assert_true(n > 0);
    assert_ok(buf_put(out, der, (size_t)n));
    OPENSSL_free(der);
}

static int setup(void **state)
{
    (void)state;
    key = EVP_EC_gen("P-256");
    authority = EVP_RSA_gen(2048);
    buf_init(&spki, CHAIN_MAX);
    buf_init(&leaf, CHAIN_MAX);
    buf_init(&chain, CHAIN_MAX);
    put_spki(key, &spki);
    pki_put(&leaf, "node", "middle", key, authority);
    assert_ok(buf_put_view(&chain, buf_view(&leaf)));
    pki_put(&chain, "middle", "root", authority, authority);
    pki_put(&chain, "root", "root", authority, authority);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    EVP_PKEY_free(authority);
    buf_done(&spki);
    buf_done(&leaf);
    buf_done(&chain);
    return 0;
}

static err_t check(struct view bytes)
{
    size_t n = 0;
    err_t e = foreign_check(bytes, buf_view(&spki), &n);
    assert_int_equal(n, e == OK ? leaf.len : 0);
    return e;
}

static void test_takes(void **state)
{
    (void)state;
    assert_ok(check(buf_view(&leaf)));
    assert_ok(check(buf_view(&chain)));
}

/* What OpenSSL says of the same bytes. */
static void test_reads(void **state)
{
    (void)state;
    struct view rest = buf_view(&chain);
    const unsigned char *at = chain.data;
    for (unsigned n = 0; n < 3; n++) {
        struct foreign c = {0};
        unsigned char *der = NULL;
        X509 *x = d2i_X509(NULL, &at, (long)rest.len);
        assert_ok(foreign_read(&rest, &c));
        assert_ptr_equal(rest.data, at);
        int len = i2d_X509_NAME(X509_get_issuer_name(x), &der);
        assert_true(view_equal(c.issuer, view_of(der, (size_t)len)));
        OPENSSL_free(TAKE_PTR(der));
        len = i2d_X509_NAME(X509_get_subject_name(x), &der);
        assert_true(view_equal(c.subject, view_of(der, (size_t)len)));
        OPENSSL_free(TAKE_PTR(der));
        len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
        assert_true(view_equal(c.spki, view_of(der, (size_t)len)));
        OPENSSL_free(der);
        X509_free(x);
    }
    assert_int_equal(rest.len, 0);
}

static void test_other_keys(void **state)
{
    (void)state;
    AUTO_BUF struct buf other = BUF_WITH(CHAIN_MAX);
    EVP_PKEY *twin = EVP_EC_gen("P-256");
    pki_put(&other, "node", "middle", twin, authority);
    assert_err(check(buf_view(&other)), ERR_CERTIFICATE_KEY);
    assert_err(check(view_of(chain.data + leaf.len, chain.len - leaf.len)), ERR_CERTIFICATE_KEY);
    EVP_PKEY_free(twin);
}

static void test_other_orders(void **state)
{
    (void)state;
    AUTO_BUF struct buf twice = BUF_WITH(CHAIN_MAX), gap = BUF_WITH(CHAIN_MAX);
    assert_ok(buf_put_view(&twice, buf_view(&leaf)));
    assert_ok(buf_put_view(&twice, buf_view(&leaf)));
    assert_err(check(buf_view(&twice)), ERR_CERTIFICATE_CHAIN);
    assert_ok(buf_put_view(&gap, buf_view(&leaf)));
    pki_put(&gap, "root", "root", authority, authority);
    assert_err(check(buf_view(&gap)), ERR_CERTIFICATE_CHAIN);
}

static void test_too_many(void **state)
{
    (void)state;
    AUTO_BUF struct buf many = BUF_WITH(CHAIN_MAX);
    assert_ok(buf_put_view(&many, buf_view(&chain)));
    for (unsigned n = 3; n < FOREIGN_MAX; n++)
        pki_put(&many, "root", "root", authority, authority);
    assert_ok(check(buf_view(&many)));
    pki_put(&many, "root", "root", authority, authority);
    assert_err(check(buf_view(&many)), ERR_CERTIFICATE_MALFORMED);
}

/* Wherever it ends too early, or something follows. */
static void test_lengths(void **state)
{
    (void)state;
    for (size_t n = 0; n < leaf.len; n++)
        assert_err(check(view_of(leaf.data, n)), ERR_CERTIFICATE_MALFORMED);
    AUTO_BUF struct buf longer = BUF_WITH(CHAIN_MAX);
    assert_ok(buf_put_view(&longer, buf_view(&leaf)));
    assert_ok(buf_put_u8(&longer, 0));
    assert_err(check(buf_view(&longer)), ERR_CERTIFICATE_MALFORMED);
}

/* Each element's tag and each length on the way, changed; only contents that nobody looks at may change. */
static void test_changed_bytes(void **state)
{
    (void)state;
    AUTO_BUF struct buf bad = BUF_WITH(CHAIN_MAX);
    struct foreign c = {0};
    struct view rest = buf_view(&leaf);
    unsigned taken = 0;
    assert_ok(foreign_read(&rest, &c));
    size_t spki_at = (size_t)(c.spki.data - leaf.data);
    assert_ok(buf_put_view(&bad, buf_view(&leaf)));
    for (size_t at = 0; at < leaf.len; at++) {
        bad.data[at] ^= 0x80;
        bool in_key = at >= spki_at && at < spki_at + spki.len;
        err_t e = foreign_check(buf_view(&bad), buf_view(&spki), &(size_t){0});
        assert_true(!in_key || e == ERR_CERTIFICATE_KEY || e == ERR_CERTIFICATE_MALFORMED);
        taken += e == OK;
        bad.data[at] ^= 0x80;
    }
    assert_true(taken < leaf.len);
}

/* ── one element put in another's place ── */

/* The leaf with `n` bytes at `at` replaced by as many others. */
static err_t check_with(size_t at, const char *bytes, size_t n)
{
    AUTO_BUF struct buf bad = BUF_WITH(CHAIN_MAX);
    assert_ok(buf_put_view(&bad, buf_view(&leaf)));
    memcpy(bad.data + at, bytes, n);
    return check(buf_view(&bad));
}

static size_t find(const char *bytes, size_t n, size_t from)
{
    for (size_t at = from; at + n <= leaf.len; at++)
        if (memcmp(leaf.data + at, bytes, n) == 0)
            return at;
    fail_msg("not there");
    return 0;
}

static void test_elements(void **state)
{
    (void)state;
    size_t version = find("\xA0\x03\x02\x01\x02", 5, 0);
    size_t serial = find("\x02\x01\x07", 3, version + 5);
    size_t algorithm = find("\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0B", 13, 0);
    size_t times = find("\x17\x0D", 2, 0);
    size_t extensions = find((const char *)spki.data, spki.len, times) + spki.len; /* any byte may stand in a key */
    size_t outer = find("\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0B", 13, algorithm + 13);
    size_t bits = find("\x03\x82\x01\x01\x00", 5, outer);
    assert_int_equal(leaf.data[extensions], 0xA3);
    assert_err(check_with(version + 4, "\x01", 1), ERR_CERTIFICATE_MALFORMED);
    assert_err(check_with(serial + 2, "\x00", 1), ERR_CERTIFICATE_MALFORMED);
    assert_err(check_with(serial + 2, "\x87", 1), ERR_CERTIFICATE_MALFORMED);
    assert_err(check_with(algorithm + 12, "\x0C", 1), ERR_CERTIFICATE_MALFORMED);
    assert_err(check_with(outer + 12, "\x0C", 1), ERR_CERTIFICATE_MALFORMED);
    assert_err(check_with(times + 2,
                          "991231235959Z\x17\x0D"
                          "981231235959Z",
                          28),
               ERR_CERTIFICATE_MALFORMED); /* 1999, 1998 */
    assert_err(check_with(times + 2, "9913", 4), ERR_CERTIFICATE_MALFORMED);
    assert_err(check_with(extensions, "\xA1", 1), ERR_CERTIFICATE_MALFORMED); /* a unique identifier */
    assert_err(check_with(bits + 4, "\x01", 1), ERR_CERTIFICATE_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes),         cmocka_unit_test(test_reads),    cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_other_orders),  cmocka_unit_test(test_too_many), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_changed_bytes), cmocka_unit_test(test_elements),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
