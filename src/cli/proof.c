/* The node, then the bundle. */
#include "cli/proof.h"

#include "base/fd.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/verdict.h"

#include <string.h>

static const char pin_prefix[] = "sha256//";
_Static_assert(sizeof(pin_prefix) + BASE64_LEN(SHA256_LEN) <= PROOF_PIN_MAX, "room for the key's digest");

void proof_init(struct proof *p)
{
    trust_init(&p->trust);
    p->out = OUTPUT_NONE;
    buf_init(&p->bundle, BUNDLE_MAX);
}

void proof_done(struct proof *p)
{
    trust_done(&p->trust);
    output_done(&p->out);
    attested_done(&p->attested);
    buf_done(&p->bundle);
}

err_t proof_open(struct proof *p, const char *url, struct why *why)
{
    struct veronnx_report report;
    struct keyset keyset;
    if (p->save != NULL)
        TRY(command_blame("--save-bundle", output_open(p->save, &p->out, why), why));
    TRY(command_blame("--node", attested_ask(url, &p->attested, why), why));
    const struct veronnx_node node = attested_node(&p->attested, &p->trust.expect);
    if (!veronnx_verify_node(&node, &p->trust.expect, &report)) {
        (void)verdict_end("infer", &report);
        return why_set(why, ERR_NOT_PERMITTED, "the node is not to be believed: nothing was sent to it");
    }
    verdict_warn("infer", &report);
    TRY(keyset_decode(buf_view(&p->attested.keyset), &keyset));
    memcpy(p->pinned, pin_prefix, sizeof(pin_prefix));
    base64_encode(keyset.tls_spki, sizeof(keyset.tls_spki), p->pinned + strlen(pin_prefix));
    return OK;
}

static err_t put_bundle(struct proof *p, struct view receipt)
{
    uint8_t *room = NULL;
    const struct bundle b = {
        .receipt = receipt,
        .document = buf_view(&p->attested.document),
        .keyset = buf_view(&p->attested.keyset),
        .node = buf_view(&p->attested.configuration),
        .policy = buf_view(&p->attested.policy),
    };
    TRY(buf_reserve(&p->bundle, BUNDLE_MAX, &room));
    struct cbor_writer w = cbor_writer_on(room, BUNDLE_MAX);
    TRY(bundle_write(&b, &w));
    buf_commit(&p->bundle, w.len);
    return OK;
}

static err_t save(struct proof *p, struct why *why)
{
    TRY(fd_write_at(p->out.fd, 0, p->bundle.data, p->bundle.len));
    return output_commit(&p->out, why);
}

err_t proof_close(struct proof *p, struct view receipt, const struct check *c, struct judged *ret, struct why *why)
{
    AUTO_BUF struct buf bytes = BUF_WITH(0);
    struct receipt unpacked;
    TRY(receipt_unpack(receipt, &bytes, &unpacked, why));
    TRY(put_bundle(p, buf_view(&bytes)));
    TRY(judge_bundle(buf_view(&p->bundle), c, &p->trust.expect, ret, why));
    if (verdict_end("infer", &ret->report) != 0)
        return why_set(why, ERR_NOT_PERMITTED, "the answer is not proved");
    return p->save != NULL ? save(p, why) : OK;
}
