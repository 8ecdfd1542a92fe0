/* PEM through OpenSSL. */
#include "cli/pem.h"

#include <openssl/pem.h>
#include <string.h>

static err_t read_first(struct view pem, const char *label, struct buf *ret_der)
{
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    err_t e = ERR_MALFORMED;
    if (bio != NULL && PEM_read_bio(bio, &name, &header, &der, &len) == 1 && strcmp(name, label) == 0)
        e = buf_put(ret_der, der, (size_t)len);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    return e;
}

err_t pem_certificate(struct view pem, struct buf *ret_der)
{
    return read_first(pem, PEM_STRING_X509, ret_der);
}

err_t pem_public_key(struct view pem, struct buf *ret_der)
{
    return read_first(pem, PEM_STRING_PUBLIC, ret_der);
}
