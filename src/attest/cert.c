/* A walk through one certificate. */
#include "attest/cert.h"

#include "attest/der.h"

#define EXTENSIONS_MAX 16
#define SERIAL_MAX     20 /* bytes, without a zero in front of a high bit */

static const uint8_t version_3[] = {0x02, 0x01, 0x02};
/* SEQUENCE { ecdsa-with-SHA384 } */
static const uint8_t algorithm[] = {0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03};
static const uint8_t basic_constraints[] = {0x55, 0x1D, 0x13};
static const uint8_t key_usage[] = {0x55, 0x1D, 0x0F};

/* The next element must be exactly these bytes. */
static err_t get_exactly(struct view *v, const uint8_t *bytes, size_t n)
{
    struct view part = {0};
    TRY(view_take(v, n, &part));
    return view_equal(part, view_of(bytes, n)) ? OK : ERR_MALFORMED;
}

/* ── extensions ── */

/* SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }: DER leaves out what is the default. */
static err_t read_constraints(struct view value, struct cert *c)
{
    struct view in = {0};
    uint8_t path_len = 0;
    TRY(der_get(&value, DER_SEQUENCE, &in));
    TRY(view_end(&value));
    if (in.len == 0)
        return OK;
    TRY(der_get_boolean(&in, &c->ca));
    if (!c->ca)
        return ERR_MALFORMED;
    if (in.len > 0)
        TRY(der_get_small(&in, &path_len));
    return view_end(&in);
}

/* A named bit list ends with a bit that is set (X.690 §11.2.2). */
static err_t read_usage(struct view value, struct cert *c)
{
    struct view bits = {0};
    unsigned unused = 0;
    TRY(der_get_bits(&value, &bits, &unused));
    TRY(view_end(&value));
    if (bits.len == 0 || bits.len > 2 || (bits.data[bits.len - 1] >> unused & 1) == 0)
        return ERR_MALFORMED;
    c->usage = bits.data[0];
    return OK;
}

static err_t read_extension(struct view in, struct view *ret_oid, struct cert *c)
{
    bool critical = false;
    struct view oid = {0};
    struct view value = {0};
    TRY(der_get(&in, DER_OID, &oid));
    if (der_at(&in, DER_BOOLEAN)) {
        TRY(der_get_boolean(&in, &critical));
        if (!critical)
            return ERR_MALFORMED;
    }
    TRY(der_get(&in, DER_OCTET_STRING, &value));
    TRY(view_end(&in));
    *ret_oid = oid;
    if (view_equal(oid, view_of(key_usage, sizeof(key_usage))))
        return read_usage(value, c);
    if (view_equal(oid, view_of(basic_constraints, sizeof(basic_constraints))))
        return critical ? read_constraints(value, c) : ERR_MALFORMED;
    return critical ? ERR_MALFORMED : OK;
}

static bool is_among(struct view oid, const struct view *oids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (view_equal(oids[i], oid))
            return true;
    return false;
}

static err_t read_extensions(struct view in, struct cert *c)
{
    struct view oids[EXTENSIONS_MAX];
    size_t n = 0;
    while (in.len > 0) {
        struct view extension = {0};
        struct view oid = {0};
        if (n == EXTENSIONS_MAX)
            return ERR_TOO_LARGE;
        TRY(der_get(&in, DER_SEQUENCE, &extension));
        TRY(read_extension(extension, &oid, c));
        if (is_among(oid, oids, n))
            return ERR_MALFORMED;
        oids[n++] = oid;
    }
    return is_among(view_of(basic_constraints, sizeof(basic_constraints)), oids, n) ? OK : ERR_MALFORMED;
}

/* ── parts, in their order ── */

static err_t read_version(struct view *v, UNUSED struct cert *c)
{
    struct view in = {0};
    TRY(der_get(v, DER_CONTEXT_0, &in));
    TRY(get_exactly(&in, version_3, sizeof(version_3)));
    return view_end(&in);
}

static err_t read_serial(struct view *v, UNUSED struct cert *c)
{
    struct view serial = {0};
    TRY(der_get_positive(v, &serial));
    size_t zeros = serial.data[0] == 0;
    return serial.len - zeros <= SERIAL_MAX ? OK : ERR_TOO_LARGE;
}

static err_t read_algorithm(struct view *v, UNUSED struct cert *c)
{
    return get_exactly(v, algorithm, sizeof(algorithm));
}

static err_t read_issuer(struct view *v, struct cert *c)
{
    return der_get_whole(v, DER_SEQUENCE, &c->issuer);
}

static err_t read_validity(struct view *v, struct cert *c)
{
    struct view in = {0};
    TRY(der_get(v, DER_SEQUENCE, &in));
    TRY(der_get_time(&in, &c->not_before));
    TRY(der_get_time(&in, &c->not_after));
    return view_end(&in);
}

static err_t read_subject(struct view *v, struct cert *c)
{
    return der_get_whole(v, DER_SEQUENCE, &c->subject);
}

static err_t read_key(struct view *v, struct cert *c)
{
    struct view spki = {0};
    TRY(der_get_whole(v, DER_SEQUENCE, &spki));
    return es384_spki_point(spki, &c->point);
}

static err_t read_all_extensions(struct view *v, struct cert *c)
{
    struct view wrapper = {0};
    struct view in = {0};
    TRY(der_get(v, DER_CONTEXT_3, &wrapper));
    TRY(der_get(&wrapper, DER_SEQUENCE, &in));
    TRY(view_end(&wrapper));
    TRY(read_extensions(in, c));
    return view_end(v);
}

static const struct {
    const char *name;
    err_t (*read)(struct view *v, struct cert *c);
} parts[] = {
    {"version", read_version}, {"serial number", read_serial},      {"algorithm", read_algorithm},
    {"issuer", read_issuer},   {"validity", read_validity},         {"subject", read_subject},
    {"public key", read_key},  {"extensions", read_all_extensions},
};

/* The signature is ECDSA's SEQUENCE { r, s }, in whole bytes. */
static err_t read_signature(struct view *v)
{
    struct view bits = {0};
    struct view pair = {0};
    struct view number = {0};
    unsigned unused = 0;
    TRY(der_get_bits(v, &bits, &unused));
    if (unused != 0)
        return ERR_MALFORMED;
    TRY(der_get(&bits, DER_SEQUENCE, &pair));
    TRY(view_end(&bits));
    TRY(der_get_positive(&pair, &number));
    TRY(der_get_positive(&pair, &number));
    return view_end(&pair);
}

static err_t read_envelope(struct view der, struct view *ret_tbs)
{
    struct view in = {0};
    TRY(der_get(&der, DER_SEQUENCE, &in));
    TRY(view_end(&der));
    TRY(der_get(&in, DER_SEQUENCE, ret_tbs));
    TRY(get_exactly(&in, algorithm, sizeof(algorithm)));
    TRY(read_signature(&in));
    return view_end(&in);
}

err_t cert_read(struct view der, struct cert *ret, struct why *why)
{
    struct cert c = {.der = der};
    struct view tbs = {0};
    if (der.len > ATTEST_CERT_MAX)
        return why_set(why, ERR_DOC_CERTIFICATE, "a certificate is longer than %d bytes", ATTEST_CERT_MAX);
    if (read_envelope(der, &tbs) != OK)
        return why_set(why, ERR_DOC_CERTIFICATE, "a certificate's outer form or signature algorithm");
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (parts[i].read(&tbs, &c) != OK)
            return why_set(why, ERR_DOC_CERTIFICATE, "a certificate's %s", parts[i].name);
    *ret = c;
    return OK;
}
