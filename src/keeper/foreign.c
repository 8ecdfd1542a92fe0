/* One pass over each certificate. */
#include "keeper/foreign.h"

#include "attest/der.h"

static const uint8_t version_3[] = {0x02, 0x01, 0x02};

static err_t read_version(struct view *tbs)
{
    struct view version = {0};
    TRY(der_get(tbs, DER_CONTEXT_0, &version));
    return view_equal(version, view_of(version_3, sizeof(version_3))) ? OK : ERR_MALFORMED;
}

static err_t read_validity(struct view *tbs)
{
    struct view in = {0};
    uint64_t from = 0, to = 0;
    TRY(der_get(tbs, DER_SEQUENCE, &in));
    TRY(der_get_time(&in, &from));
    TRY(der_get_time(&in, &to));
    TRY(view_end(&in));
    return from <= to ? OK : ERR_MALFORMED;
}

static err_t read_extensions(struct view *tbs)
{
    struct view wrapper = {0}, in = {0};
    TRY(der_get(tbs, DER_CONTEXT_3, &wrapper));
    TRY(der_get(&wrapper, DER_SEQUENCE, &in));
    TRY(view_end(&wrapper));
    return view_end(tbs);
}

static err_t read_tbs(struct view tbs, struct foreign *c, struct view *ret_algorithm)
{
    struct view serial = {0};
    TRY(read_version(&tbs));
    TRY(der_get_positive(&tbs, &serial));
    TRY(der_get_whole(&tbs, DER_SEQUENCE, ret_algorithm));
    TRY(der_get_whole(&tbs, DER_SEQUENCE, &c->issuer));
    TRY(read_validity(&tbs));
    TRY(der_get_whole(&tbs, DER_SEQUENCE, &c->subject));
    TRY(der_get_whole(&tbs, DER_SEQUENCE, &c->spki));
    return read_extensions(&tbs);
}

static err_t read_parts(struct view in, struct foreign *c)
{
    struct view tbs = {0}, inner = {0}, outer = {0}, signature = {0};
    unsigned unused = 0;
    TRY(der_get(&in, DER_SEQUENCE, &tbs));
    TRY(der_get_whole(&in, DER_SEQUENCE, &outer));
    TRY(der_get_bits(&in, &signature, &unused));
    TRY(view_end(&in));
    TRY(read_tbs(tbs, c, &inner));
    return unused == 0 && view_equal(inner, outer) ? OK : ERR_MALFORMED;
}

err_t foreign_read(struct view *chain, struct foreign *ret)
{
    struct view rest = *chain, in = {0};
    struct foreign c = {0};
    if (der_get_whole(&rest, DER_SEQUENCE, &c.der) != OK)
        return ERR_CERTIFICATE_MALFORMED;
    struct view whole = c.der;
    if (der_get(&whole, DER_SEQUENCE, &in) != OK || read_parts(in, &c) != OK)
        return ERR_CERTIFICATE_MALFORMED;
    *chain = rest;
    *ret = c;
    return OK;
}

err_t foreign_check(struct view chain, struct view spki, size_t *ret_leaf_len)
{
    struct foreign c = {0}, next = {0};
    TRY(foreign_read(&chain, &c));
    size_t leaf_len = c.der.len;
    if (!view_equal(c.spki, spki))
        return ERR_CERTIFICATE_KEY;
    for (unsigned n = 1; chain.len > 0; n++) {
        if (n == FOREIGN_MAX)
            return ERR_CERTIFICATE_MALFORMED;
        TRY(foreign_read(&chain, &next));
        if (!view_equal(c.issuer, next.subject))
            return ERR_CERTIFICATE_CHAIN;
        c = next;
    }
    *ret_leaf_len = leaf_len;
    return OK;
}
