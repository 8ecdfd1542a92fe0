/* Two PEM files. Each is written under another name and then renamed, the key first, so that a key without certificate
   is all that an interrupted start leaves. */
#include "nsm/root.h"

#include "attest/cert.h"
#include "base/fd.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (4 * KIB)

static void bio_free(BIO **bio)
{
    BIO_free(*bio);
}

static void key_free(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

/* ── files ── */

/* The whole file, which may be a key; no data when there is none. */
static err_t read_file(int folder, const char *name, struct secret *ret)
{
    AUTO_FD int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    AUTO(secret_done) struct secret text = {0};
    struct stat st;
    if (fd < 0)
        return errno == ENOENT ? OK : err_errno();
    if (fd_stat(fd, &st) != OK)
        return err_errno();
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > (off_t)FILE_MAX)
        return ERR_MALFORMED;
    TRY(secret_init(&text, (size_t)st.st_size));
    TRY(fd_read_all(fd, text.data, text.len));
    *ret = text;
    text = (struct secret){0};
    return OK;
}

static err_t write_file(int folder, const char *name, mode_t mode, BIO *bio)
{
    char fresh[64];
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    (void)snprintf(fresh, sizeof(fresh), "%s.new", name);
    if (unlinkat(folder, fresh, 0) != 0 && errno != ENOENT)
        return err_errno();
    AUTO_FD int fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return err_errno();
    TRY(fd_write_all(fd, text, (size_t)len));
    return fsync(fd) == 0 && renameat(folder, fresh, folder, name) == 0 ? OK : err_errno();
}

/* ── key ── */

static err_t make_key(int state, EVP_PKEY **ret)
{
    AUTO(key_free) EVP_PKEY *key = NULL;
    AUTO(bio_free) BIO *bio = BIO_new(BIO_s_secmem()); /* wipes what it lets go */
    TRY(issue_key(&key));
    if (bio == NULL || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return ERR_NOMEM;
    TRY(write_file(state, ROOT_KEY_FILE, 0600, bio));
    *ret = TAKE_PTR(key);
    return OK;
}

static int no_password(char *buffer UNUSED, int size UNUSED, int writing UNUSED, void *self UNUSED)
{
    return -1;
}

static err_t open_key(int state, EVP_PKEY **ret)
{
    AUTO(secret_done) struct secret text = {0};
    TRY(read_file(state, ROOT_KEY_FILE, &text));
    if (text.data == NULL)
        return make_key(state, ret);
    AUTO(bio_free) BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    if (bio == NULL)
        return ERR_NOMEM;
    *ret = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    return *ret != NULL ? OK : ERR_MALFORMED;
}

/* ── certificate ── */

static err_t make_cert(int state, EVP_PKEY *key, uint64_t now_s, X509 **ret)
{
    uint8_t serial[16];
    AUTO(bio_free) BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return ERR_NOMEM;
    if (RAND_bytes(serial, sizeof(serial)) != 1)
        return ERR_INTERNAL;
    serial[0] = (serial[0] & 0x7F) | 0x40;
    TRY(issue_certificate(LEVEL_ROOT, key, "", NULL, serial, now_s, ret));
    if (PEM_write_bio_X509(bio, *ret) != 1)
        return ERR_NOMEM;
    return write_file(state, ROOT_CERT_FILE, 0644, bio);
}

/* Ours, and one that a verifier would take. */
static err_t check_cert(X509 *cert, EVP_PKEY *key, uint64_t now_s)
{
    uint8_t der[ATTEST_CERT_MAX];
    uint8_t *at = der;
    struct cert c;
    int len = i2d_X509(cert, NULL);
    if (len <= 0 || len > ATTEST_CERT_MAX || i2d_X509(cert, &at) != len || X509_check_private_key(cert, key) != 1)
        return ERR_MALFORMED;
    TRY(cert_read(view_of(der, (size_t)len), &c, NULL));
    return c.ca && now_s >= c.not_before && now_s <= c.not_after ? OK : ERR_DOC_CERT_TIME;
}

static err_t open_cert(int state, EVP_PKEY *key, uint64_t now_s, X509 **ret)
{
    AUTO(secret_done) struct secret text = {0};
    TRY(read_file(state, ROOT_CERT_FILE, &text));
    if (text.data == NULL)
        return make_cert(state, key, now_s, ret);
    AUTO(bio_free) BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    if (bio == NULL)
        return ERR_NOMEM;
    *ret = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    return *ret != NULL ? check_cert(*ret, key, now_s) : ERR_MALFORMED;
}

err_t root_open(int state, uint64_t now_s, struct issued *ret)
{
    AUTO(issued_done) struct issued root = {0};
    TRY(open_key(state, &root.key));
    TRY(open_cert(state, root.key, now_s, &root.cert));
    *ret = (struct issued){TAKE_PTR(root.cert), TAKE_PTR(root.key)};
    return OK;
}
