/* The COSE_Sign1 of a receipt: protected header, inclusion proof, signature, and the text that is signed. */
#include "receipt/cose.h"

/* IANA "COSE Header Parameters", "COSE Algorithms"; RFC 9942 §2 and §5. The tree size has no registered label: ours
   is the first of those for private use (below -65536). */
#define TAG_SIGN1         18
#define LABEL_ALG         1
#define LABEL_VDS         395
#define LABEL_VDP         396
#define LABEL_TREE_SIZE   (-65537)
#define ALG_ES256         (-7)
#define VDS_RFC9162       1
#define PROOFS_INCLUSION  (-1)
#define SIG_STRUCTURE_MAX (1 + 1 + 10 + 1 + COSE_PROTECTED_MAX + 1 + 2 + SHA256_LEN)

/* The protected header's map; `bytes` has room for COSE_PROTECTED_MAX. */
static struct view protected_encode(uint64_t tree_size, uint8_t *bytes)
{
    struct cbor_writer w = cbor_writer_on(bytes, COSE_PROTECTED_MAX);
    cbor_put_map(&w, 3);
    cbor_put_uint(&w, LABEL_ALG);
    cbor_put_int(&w, ALG_ES256);
    cbor_put_uint(&w, LABEL_VDS);
    cbor_put_uint(&w, VDS_RFC9162);
    cbor_put_int(&w, LABEL_TREE_SIZE);
    cbor_put_uint(&w, tree_size);
    return view_of(bytes, w.len);
}

err_t cose_digest(struct sha256 *h, uint64_t tree_size, const uint8_t root[static SHA256_LEN],
                  uint8_t ret_digest[static SHA256_LEN])
{
    static const char context[] = "Signature1";
    uint8_t header[COSE_PROTECTED_MAX];
    uint8_t text[SIG_STRUCTURE_MAX];
    struct view written = {0};
    struct cbor_writer w = cbor_writer_on(text, sizeof(text));
    cbor_put_array(&w, 4);
    cbor_put_text(&w, view_of(context, sizeof(context) - 1));
    cbor_put_bytes(&w, protected_encode(tree_size, header));
    cbor_put_bytes(&w, view_of("", 0)); /* no external data */
    cbor_put_bytes(&w, view_of(root, SHA256_LEN));
    TRY(cbor_written(&w, &written));
    TRY(sha256_reset(h));
    TRY(sha256_update(h, written.data, written.len));
    return sha256_final(h, ret_digest);
}

/* The inclusion proof; `bytes` has room for COSE_PROOF_MAX. */
static struct view proof_encode(const struct cose_proof *proof, uint8_t *bytes)
{
    struct cbor_writer w = cbor_writer_on(bytes, COSE_PROOF_MAX);
    cbor_put_array(&w, 3);
    cbor_put_uint(&w, proof->tree_size);
    cbor_put_uint(&w, proof->leaf_index);
    cbor_put_array(&w, proof->path.len);
    for (size_t i = 0; i < proof->path.len; i++)
        cbor_put_bytes(&w, view_of(proof->path.hash[i], SHA256_LEN));
    return view_of(bytes, w.len);
}

void cose_write(struct cbor_writer *w, const struct cose_proof *proof)
{
    uint8_t header[COSE_PROTECTED_MAX];
    uint8_t inclusion[COSE_PROOF_MAX];
    cbor_put_tag(w, TAG_SIGN1);
    cbor_put_array(w, 4);
    cbor_put_bytes(w, protected_encode(proof->tree_size, header));
    cbor_put_map(w, 1);
    cbor_put_uint(w, LABEL_VDP);
    cbor_put_map(w, 1);
    cbor_put_int(w, PROOFS_INCLUSION);
    cbor_put_array(w, 1);
    cbor_put_bytes(w, proof_encode(proof, inclusion));
    cbor_put_null(w);
    cbor_put_bytes(w, view_of(proof->signature, sizeof(proof->signature)));
}

/* ── reading ── */

static err_t get_exactly(struct cbor_reader *r, int64_t n)
{
    int64_t read = 0;
    TRY(cbor_get_int(r, &read));
    return read == n ? OK : ERR_MALFORMED;
}

static err_t get_tree_size(struct cbor_reader *r, uint64_t *ret_size)
{
    uint64_t size = 0;
    TRY(cbor_get_uint(r, TREE_MAX, &size));
    if (size == 0)
        return ERR_MALFORMED;
    *ret_size = size;
    return OK;
}

/* The protected header, a byte string in which a map stands. */
static err_t get_protected(struct cbor_reader *r, uint64_t *ret_tree_size)
{
    struct view header = {0};
    TRY(cbor_get_bytes(r, COSE_PROTECTED_MAX, &header));
    struct cbor_reader in = cbor_reader_on(header, CBOR_DETERMINISTIC);
    TRY(cbor_enter_map(&in, 3));
    TRY(get_exactly(&in, LABEL_ALG));
    TRY(get_exactly(&in, ALG_ES256));
    TRY(get_exactly(&in, LABEL_VDS));
    TRY(get_exactly(&in, VDS_RFC9162));
    TRY(get_exactly(&in, LABEL_TREE_SIZE));
    TRY(get_tree_size(&in, ret_tree_size));
    TRY(cbor_leave(&in));
    return cbor_end(&in);
}

/* {396: {-1: [proof]}}: the bytes of the one proof. */
static err_t get_unprotected(struct cbor_reader *r, struct view *ret_proof)
{
    TRY(cbor_enter_map(r, 1));
    TRY(get_exactly(r, LABEL_VDP));
    TRY(cbor_enter_map(r, 1));
    TRY(get_exactly(r, PROOFS_INCLUSION));
    TRY(cbor_enter_array(r, 1));
    TRY(cbor_get_bytes(r, SIZE_MAX, ret_proof));
    TRY(cbor_leave(r));
    TRY(cbor_leave(r));
    return cbor_leave(r);
}

static err_t get_path(struct cbor_reader *r, struct tree_path *ret)
{
    TRY(cbor_enter_array(r, UINT64_MAX));
    for (ret->len = 0; cbor_more(r); ret->len++) {
        if (ret->len == TREE_PATH_MAX)
            return ERR_RECEIPT_PROOF;
        TRY(cbor_get_fixed(r, ret->hash[ret->len], SHA256_LEN));
    }
    return cbor_leave(r);
}

/* The inclusion proof of a tree whose signed size is known. */
static err_t get_inclusion(struct view bytes, struct cose_proof *p)
{
    struct cbor_reader in = cbor_reader_on(bytes, CBOR_DETERMINISTIC);
    uint64_t tree_size = 0;
    TRY(cbor_enter_array(&in, 3));
    TRY(get_tree_size(&in, &tree_size));
    TRY(cbor_get_uint(&in, UINT64_MAX, &p->leaf_index));
    TRY(get_path(&in, &p->path));
    TRY(cbor_leave(&in));
    TRY(cbor_end(&in));
    return tree_size == p->tree_size ? OK : ERR_RECEIPT_PROOF;
}

static err_t get_sign1(struct cbor_reader *r, struct cose_proof *p)
{
    struct view inclusion = {0};
    TRY(cbor_get_tag(r, TAG_SIGN1));
    TRY(cbor_enter_array(r, 4));
    TRY(get_protected(r, &p->tree_size));
    TRY(get_unprotected(r, &inclusion));
    TRY(cbor_get_null(r)); /* the payload is detached */
    TRY(cbor_get_fixed(r, p->signature, sizeof(p->signature)));
    TRY(cbor_leave(r));
    return get_inclusion(inclusion, p);
}

err_t cose_read(struct cbor_reader *r, struct cose_proof *ret, struct why *why)
{
    struct cose_proof p = {0};
    err_t e = get_sign1(r, &p);
    if (e == ERR_RECEIPT_PROOF)
        return why_set(why, e, "inclusion proof: not for a tree of the signed size");
    if (e != OK)
        return why_set(why, ERR_RECEIPT_MALFORMED, "COSE_Sign1: not the form of a receipt");
    *ret = p;
    return OK;
}
