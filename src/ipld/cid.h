/* Content identifiers (github.com/multiformats/cid): version 0 or 1, codec raw or dag-pb, SHA-256 with its 32 bytes. */
#ifndef VERONNX_IPLD_CID_H
#define VERONNX_IPLD_CID_H

#include "base/buf.h"
#include "base/sha256.h"

#define CID_MAX_LEN    36  /* binary: 34 for version 0, 36 for version 1 */
#define CID_TEXT_MAX   128 /* characters that cid_from_text looks at */
#define CID_TEXT_SIZE  60  /* what cid_to_text writes, with its NUL */
#define CID_INLINE_MAX 128 /* content of an identity CID */

#define BLOCK_MAX (2 * MIB) /* bytes of what a CID names */

enum cid_codec {
    CID_RAW = 0x55,
    CID_DAG_PB = 0x70,
};

/* The canonical binary form, which is what caches and receipts key on; bytes behind `len` are zero. */
struct cid {
    uint8_t len;
    uint8_t bytes[CID_MAX_LEN];
};

/* Version 0 exists for CID_DAG_PB only. */
struct cid cid_make(unsigned version, enum cid_codec codec, const uint8_t digest[static SHA256_LEN]);
unsigned cid_version(const struct cid *c);
enum cid_codec cid_codec(const struct cid *c);
/* SHA256_LEN bytes inside `c`. Version 0 and 1 of one digest are different CIDs of the same content. */
const uint8_t *cid_digest(const struct cid *c);
bool cid_equal(const struct cid *a, const struct cid *b);
static inline struct view cid_view(const struct cid *c)
{
    return (struct view){c->bytes, c->len};
}

/* Does this block have this name? ERR_BLOCK_MISMATCH when not. */
err_t cid_check(const struct cid *c, struct view block);

/* Version 0 as 46 characters of base58btc (Qm...), version 1 as 59 characters of base32 (b...); NUL-terminated.
   Other bases: multibase_encode of the bytes. */
void cid_to_text(const struct cid *c, char ret_text[static CID_TEXT_SIZE]);

/* Strict: "Qm" and 44 more characters, or one of the multibase prefixes b (base32), k (base36), z (base58btc), u
   (base64url), f (base16), lower case where the alphabet has one case, no padding, spare bits zero.
   ERR_CID_MALFORMED, ERR_CID_UNSUPPORTED (another codec or hash) or ERR_CID_IDENTITY; `why` (or NULL) gets the
   reason. */
err_t cid_from_text(struct view text, struct cid *ret, struct why *why);

/* All of `bytes` is one CID; the same errors. */
err_t cid_from_bytes(struct view bytes, struct cid *ret);

/* What a CID inside a DAG may be. */
enum cid_kind {
    CID_BLOCK,   /* names a block */
    CID_INLINE,  /* identity: up to CID_INLINE_MAX bytes of content in the CID itself, vouched for by what holds it */
    CID_FOREIGN, /* well-formed, with a codec or hash that is not ours */
};
struct cid_ref {
    enum cid_kind kind;
    struct cid cid;       /* CID_BLOCK */
    enum cid_codec codec; /* CID_INLINE */
    struct view content;  /* CID_INLINE: borrowed from the input */
};
/* Takes one CID of any kind from the front; ERR_CID_MALFORMED. */
err_t cid_take(struct view *v, struct cid_ref *ret);

#endif
