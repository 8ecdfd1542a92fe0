/* The root of the simulator: made once, kept, never replaced when something is wrong with it. */
#include "base/clock.h"
#include "nsm/root.h"
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

static uint64_t now_s(void)
{
    return clock_wall_us() / 1000000;
}

static mode_t mode_of(const struct folder *f, const char *name)
{
    struct stat st;
    assert_int_equal(fstatat(f->fd, name, &st, 0), 0);
    return st.st_mode & 0777;
}

static void put_file(const struct folder *f, const char *name, const char *text)
{
    AUTO_FD int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_ok(fd_write_all(fd, text, strlen(text)));
}

static void kept(void **state UNUSED)
{
    struct folder f;
    struct issued first = {0}, second = {0};
    folder_open(&f);
    assert_ok(root_open(f.fd, now_s(), &first));
    assert_int_equal(mode_of(&f, ROOT_KEY_FILE), 0600);
    assert_int_equal(mode_of(&f, ROOT_CERT_FILE) & 0644, 0644);
    assert_ok(root_open(f.fd, now_s(), &second));
    assert_int_equal(X509_cmp(first.cert, second.cert), 0);
    assert_int_equal(EVP_PKEY_eq(first.key, second.key), 1);
    issued_done(&first);
    issued_done(&second);
    folder_remove(&f);
}

/* A start that was interrupted between the two files. */
static void without_certificate(void **state UNUSED)
{
    struct folder f;
    struct issued first = {0}, second = {0};
    folder_open(&f);
    assert_ok(root_open(f.fd, now_s(), &first));
    assert_int_equal(unlinkat(f.fd, ROOT_CERT_FILE, 0), 0);
    put_file(&f, ROOT_CERT_FILE ".new", "half a certi");
    assert_ok(root_open(f.fd, now_s(), &second));
    assert_int_equal(EVP_PKEY_eq(first.key, second.key), 1);
    issued_done(&first);
    issued_done(&second);
    folder_remove(&f);
}

static void refused(void **state UNUSED)
{
    struct folder f;
    struct issued first = {0}, second = {0};
    folder_open(&f);
    assert_ok(root_open(f.fd, now_s(), &first));
    assert_err(root_open(f.fd, now_s() + UINT64_C(31) * 366 * 86400, &second), ERR_DOC_CERT_TIME);
    assert_int_equal(unlinkat(f.fd, ROOT_KEY_FILE, 0), 0); /* another key is made, which the certificate is not for */
    assert_err(root_open(f.fd, now_s(), &second), ERR_MALFORMED);
    put_file(&f, ROOT_KEY_FILE, "-----BEGIN NOTHING-----\n");
    assert_err(root_open(f.fd, now_s(), &second), ERR_MALFORMED);
    assert_null(second.key);
    assert_int_equal(unlinkat(f.fd, ROOT_KEY_FILE, 0), 0);
    assert_int_equal(mkdirat(f.fd, ROOT_KEY_FILE, 0700), 0);
    assert_err(root_open(f.fd, now_s(), &second), ERR_MALFORMED);
    assert_int_equal(unlinkat(f.fd, ROOT_KEY_FILE, AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat(ROOT_CERT_FILE, f.fd, ROOT_KEY_FILE), 0);
    assert_err(root_open(f.fd, now_s(), &second), ERR_IO);
    issued_done(&first);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept), cmocka_unit_test(without_certificate),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests_name("nsm root", tests, NULL, NULL);
}
