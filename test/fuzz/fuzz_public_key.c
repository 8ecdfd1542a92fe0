/* Keys and signatures as others write them: a point, SubjectPublicKeyInfo, PEM; an ECDSA signature in DER. What is
   taken is written and taken again to the same. */
#include "base/buf.h"
#include "cli/pem.h"
#include "receipt/ecdsa.h"
#include "receipt/es256.h"

#include <assert.h>
#include <string.h>

#define DER_MAX_LEN 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_key(struct view text)
{
    uint8_t point[ES256_POINT_LEN], again[ES256_POINT_LEN], spki[ES256_SPKI_LEN];
    AUTO(es256_done) struct es256 key = {0};
    if (es256_read_public(text, point) != OK)
        return;
    es256_spki(point, spki);
    err_t e = es256_read_public(view_of(spki, sizeof(spki)), again);
    assert(e == OK && memcmp(point, again, sizeof(point)) == 0);
    (void)es256_verifier_init(&key, point);
}

static void read_signature(struct view der, size_t part)
{
    uint8_t signature[2 * ECDSA_PART_MAX], again[2 * ECDSA_PART_MAX], room[ECDSA_DER_MAX];
    size_t len = 0;
    if (ecdsa_from_der(der, part, signature) != OK)
        return;
    err_t e = ecdsa_to_der(signature, part, room, &len);
    assert(e == OK && len <= sizeof(room));
    e = ecdsa_from_der(view_of(room, len), part, again);
    assert(e == OK && memcmp(signature, again, 2 * part) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf certificate = BUF_WITH(DER_MAX_LEN);
    AUTO_BUF struct buf key = BUF_WITH(DER_MAX_LEN);
    struct view text = view_of(data, size);
    read_key(text);
    read_signature(text, 32);
    read_signature(text, 48);
    (void)pem_certificate(text, &certificate);
    (void)pem_public_key(text, &key);
    assert(certificate.len <= size && key.len <= size);
    return 0;
}
