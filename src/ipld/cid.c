/* CIDs as bytes and as text. */
#include "ipld/cid.h"

#include "base/varint.h"
#include "ipld/multibase.h"

#include <assert.h>
#include <string.h>

#define HASH_IDENTITY 0x00
#define HASH_SHA2_256 0x12
#define DIGEST_MAX    128
#define V0_LEN        (2 + SHA256_LEN)
#define V1_LEN        (4 + SHA256_LEN)
#define V0_TEXT_LEN   46

struct cid cid_make(unsigned version, enum cid_codec codec, const uint8_t digest[static SHA256_LEN])
{
    assert(version == 1 || (version == 0 && codec == CID_DAG_PB));
    struct cid c = {.len = V0_LEN, .bytes = {HASH_SHA2_256, SHA256_LEN}};
    if (version == 1)
        c = (struct cid){.len = V1_LEN, .bytes = {1, (uint8_t)codec, HASH_SHA2_256, SHA256_LEN}};
    memcpy(c.bytes + c.len - SHA256_LEN, digest, SHA256_LEN);
    return c;
}

unsigned cid_version(const struct cid *c)
{
    return c->len == V0_LEN ? 0 : 1;
}

enum cid_codec cid_codec(const struct cid *c)
{
    return c->len == V1_LEN && c->bytes[1] == CID_RAW ? CID_RAW : CID_DAG_PB;
}

const uint8_t *cid_digest(const struct cid *c)
{
    return c->bytes + c->len - SHA256_LEN;
}

bool cid_equal(const struct cid *a, const struct cid *b)
{
    return view_equal(cid_view(a), cid_view(b));
}

err_t cid_check(const struct cid *c, struct view block)
{
    uint8_t digest[SHA256_LEN];
    TRY(sha256_of(block.data, block.len, digest));
    return memcmp(digest, cid_digest(c), SHA256_LEN) == 0 ? OK : ERR_BLOCK_MISMATCH;
}

/* ── bytes ── */

static err_t take_v1(struct view *v, struct cid_ref *ret)
{
    uint64_t version = 0, codec = 0, hash = 0, len = 0;
    struct view rest = *v, digest = {0};
    if (varint_get(&rest, &version) != OK || version != 1)
        return ERR_CID_MALFORMED;
    if (varint_get(&rest, &codec) != OK || varint_get(&rest, &hash) != OK || varint_get(&rest, &len) != OK)
        return ERR_CID_MALFORMED;
    if (len > DIGEST_MAX || view_take(&rest, len, &digest) != OK)
        return ERR_CID_MALFORMED;
    struct cid_ref ref = {.kind = CID_FOREIGN};
    bool our_codec = codec == CID_RAW || codec == CID_DAG_PB;
    if (our_codec && hash == HASH_SHA2_256 && len == SHA256_LEN)
        ref = (struct cid_ref){.kind = CID_BLOCK, .cid = cid_make(1, (enum cid_codec)codec, digest.data)};
    else if (our_codec && hash == HASH_IDENTITY)
        ref = (struct cid_ref){.kind = CID_INLINE, .codec = (enum cid_codec)codec, .content = digest};
    *v = rest;
    *ret = ref;
    return OK;
}

err_t cid_take(struct view *v, struct cid_ref *ret)
{
    static const uint8_t v0_start[] = {HASH_SHA2_256, SHA256_LEN};
    struct view whole = {0};
    if (v->len < sizeof(v0_start) || memcmp(v->data, v0_start, sizeof(v0_start)) != 0)
        return take_v1(v, ret);
    if (view_take(v, V0_LEN, &whole) != OK)
        return ERR_CID_MALFORMED;
    *ret = (struct cid_ref){.kind = CID_BLOCK, .cid = cid_make(0, CID_DAG_PB, whole.data + sizeof(v0_start))};
    return OK;
}

err_t cid_from_bytes(struct view bytes, struct cid *ret)
{
    struct cid_ref ref;
    TRY(cid_take(&bytes, &ref));
    if (bytes.len > 0)
        return ERR_CID_MALFORMED;
    if (ref.kind == CID_INLINE)
        return ERR_CID_IDENTITY;
    if (ref.kind == CID_FOREIGN)
        return ERR_CID_UNSUPPORTED;
    *ret = ref.cid;
    return OK;
}

/* ── text ── */

void cid_to_text(const struct cid *c, char ret_text[static CID_TEXT_SIZE])
{
    uint8_t room[2 * CID_MAX_LEN + 1];
    struct buf text = {.data = room, .cap = sizeof(room), .max = sizeof(room)};
    char base = cid_version(c) == 0 ? 'z' : 'b';
    size_t skip = cid_version(c) == 0 ? 1 : 0; /* version 0 has no multibase prefix */
    if (multibase_encode(base, cid_view(c), &text) != OK)
        text.len = skip;
    memcpy(ret_text, text.data + skip, text.len - skip);
    ret_text[text.len - skip] = '\0';
}

static err_t from_v0_text(struct view text, struct cid *ret, struct why *why)
{
    uint8_t bytes[V0_LEN];
    char prefixed[1 + V0_TEXT_LEN] = "z";
    size_t len = 0;
    memcpy(prefixed + 1, text.data, V0_TEXT_LEN);
    if (multibase_decode(view_of(prefixed, sizeof(prefixed)), bytes, sizeof(bytes), &len) != OK)
        return why_set(why, ERR_CID_MALFORMED, "CID: not 34 bytes in base58btc");
    if (cid_from_bytes(view_of(bytes, len), ret) != OK)
        return why_set(why, ERR_CID_MALFORMED, "CID: version 0 must begin with 12 20");
    return OK;
}

static err_t from_v1_text(struct view text, struct cid *ret, struct why *why)
{
    uint8_t bytes[CID_TEXT_MAX];
    size_t len = 0;
    if (multibase_decode(text, bytes, sizeof(bytes), &len) != OK)
        return why_set(why, ERR_CID_MALFORMED, "CID: not one of the bases b k z u f in its strict form");
    if (len > 0 && bytes[0] == HASH_SHA2_256)
        return why_set(why, ERR_CID_MALFORMED, "CID: version 0 has no multibase prefix");
    err_t e = cid_from_bytes(view_of(bytes, len), ret);
    switch ((int)e) {
    case OK:
        return OK;
    case ERR_CID_IDENTITY:
        return why_set(why, e, "CID: an identity CID names no block");
    case ERR_CID_UNSUPPORTED:
        return why_set(why, e, "CID: only raw and dag-pb with a whole sha2-256 are supported");
    default:
        return why_set(why, e, "CID: not version 1, codec, hash and digest, each in full and nothing more");
    }
}

err_t cid_from_text(struct view text, struct cid *ret, struct why *why)
{
    if (text.len > CID_TEXT_MAX)
        return why_set(why, ERR_CID_MALFORMED, "CID: longer than %d characters", CID_TEXT_MAX);
    if (text.len == V0_TEXT_LEN && memcmp(text.data, "Qm", 2) == 0)
        return from_v0_text(text, ret, why);
    return from_v1_text(text, ret, why);
}
