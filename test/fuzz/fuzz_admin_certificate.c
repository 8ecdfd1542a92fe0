/* Certificates that somebody wants installed: what is taken is DER alone, and is taken again when it is written as PEM.
 */
#include "front/admin_certificate.h"

#include "base/text.h"

#include <stdlib.h>

#define DER_MAX (4 * KIB)

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Tag and length of a certificate: SEQUENCE, and two bytes of length, for none is shorter than 128 bytes. */
static struct view next_der(struct view *ders)
{
    struct view der = {0};
    REQUIRE(ders->len > 4 && ders->data[0] == 0x30 && (ders->data[1] == 0x81 || ders->data[1] == 0x82));
    size_t len = ders->data[1] == 0x81 ? 3U + ders->data[2] : 4U + ((size_t)ders->data[2] << 8 | ders->data[3]);
    REQUIRE(view_take(ders, len, &der) == OK);
    return der;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf ders = BUF_WITH(DER_MAX);
    AUTO_BUF struct buf again = BUF_WITH(DER_MAX);
    AUTO_BUF struct buf pem = BUF_WITH(4 * DER_MAX);
    struct why why = {0};
    err_t e = admin_certificate(view_of(data, size), &ders, &why);
    REQUIRE(ders.len <= DER_MAX);
    if (e != OK) {
        REQUIRE(e == ERR_NOMEM || why.text[0] != '\0');
        return 0;
    }
    for (struct view rest = buf_view(&ders); rest.len > 0;)
        REQUIRE(pem_put(&pem, "CERTIFICATE", next_der(&rest)) == OK);
    REQUIRE(admin_certificate(buf_view(&pem), &again, &why) == OK && view_equal(buf_view(&again), buf_view(&ders)));
    return 0;
}
