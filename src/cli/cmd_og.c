/* veronnx og: what OpenGradient's contracts want of a node. */
#include "cli/cmd_og.h"

#include "base/fd.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/attested.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/trust.h"
#include "cli/verdict.h"
#include "receipt/keccak.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* What the registry's contract and the precompile below it take at most. */
#define DOCUMENT_LIMIT    (16 * KIB)
#define CERTIFICATE_LIMIT (8 * KIB)
#define KEY_LIMIT         (8 * KIB)
#define JSON_MAX          (2 * (DOCUMENT_LIMIT + CERTIFICATE_LIMIT + KEY_LIMIT) + 1 * KIB)

static const char help[] =
    "Usage: veronnx og register-bundle URL [-o FILE] [options]\n"
    "\n"
    "Asks a running node for all that its registration as an OpenGradient TEE consists of, verifies it as\n"
    "`veronnx verify node` does and as the registry will, and writes one JSON object. Each value is in the form that "
    "the\n"
    "registry's call registerTEEWithAttestation takes, `0x` and hex digits:\n"
    "\n"
    "  attestationDocument  bytes    the attestation document (COSE_Sign1), fresh\n"
    "  signingPublicKey     bytes    the RSA key that signs settlements and heartbeats, SubjectPublicKeyInfo\n"
    "  tlsCertificate       bytes    the certificate that this connection showed\n"
    "  pcrHash              bytes32  Keccak-256 of PCR0, PCR1 and PCR2: what the registry's administrator approves\n"
    "  teeId                bytes32  Keccak-256 of signingPublicKey: the node's name in the registry\n"
    "\n"
    "To register: have pcrHash approved for your type of TEE, once for each image; then send the first three with "
    "your\n"
    "payment address, the endpoint and the type, from an account with the role TEE_OPERATOR. The registry takes a\n"
    "document for five minutes, so do it at once. Afterwards have `veronnx host --heartbeat-to`, or another relay,\n"
    "post GET /heartbeat of the administration listener at least every half hour. A restarted node has other keys:\n"
    "register it again.\n"
    "\n"
    "The node must show the certificate that it was born with: clients of the network trust exactly the registered "
    "one,\n"
    "so one that an authority issued is refused here. So is a simulated node, which the registry would not take, "
    "unless\n"
    "--allow-simulated and --root say otherwise.\n"
    "\n"
    "  -o, --output FILE   write it here; appears when it is whole. Default: standard output\n" TRUST_HELP
    "  --help              this text\n"
    "\n"
    "Without --policy or --any-policy the node is refused. Exit status: 0 written, 1 refused, 2 wrong usage.\n";

struct bundle_command {
    struct trust trust;
    struct attested attested;
    struct buf key; /* DER */
    const char *url;
    const char *output;
    bool help;
};

static err_t parse(struct bundle_command *b, int argc, char **argv, struct why *why)
{
    static const struct option options[] = {
        TRUST_OPTIONS,
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 1;
    for (;;) {
        int o = 0;
        TRY(command_option_or_o(argc, argv, options, &o, why));
        if (o == -1)
            break;
        if (trust_take(&b->trust, o, optarg))
            continue;
        if (o == 'o')
            b->output = optarg;
        b->help |= o == 'h';
    }
    if (b->help)
        return OK;
    if (optind == argc)
        return why_set(why, ERR_USAGE, "which node? https://HOST:PORT");
    b->url = argv[optind++];
    TRY(command_no_more(argc, argv, why));
    if (strncmp(b->url, "https://", 8) != 0)
        return why_set(why, ERR_USAGE, "the node's URL must begin with https://");
    return trust_load(&b->trust, why);
}

/* ── what the registry asks beyond a good node ── */

static err_t check_key(const struct bundle_command *b, const struct document *d, struct why *why)
{
    uint8_t digest[SHA256_LEN];
    TRY(sha256_of(b->key.data, b->key.len, digest));
    bool bound =
        d->user_data.len == 68 && view_equal(view_of(d->user_data.data + 36, SHA256_LEN), view_of(digest, SHA256_LEN));
    return bound ? OK : why_set(why, ERR_EVIDENCE_KEYS, "/signing-key: another key than the document's user data bind");
}

static err_t check_certificate(const struct bundle_command *b, struct why *why)
{
    const unsigned char *at = b->attested.certificate.data;
    X509 *x = d2i_X509(NULL, &at, (long)b->attested.certificate.len);
    bool own = x != NULL && X509_self_signed(x, 1) == 1;
    X509_free(x);
    return own ? OK
               : why_set(
                     why, ERR_CERTIFICATE_CHAIN,
                     "the node shows a certificate that is not self-signed: OpenGradient's clients would refuse it");
}

static err_t check_sizes(const struct bundle_command *b, struct why *why)
{
    bool fits = b->attested.document.len <= DOCUMENT_LIMIT && b->attested.certificate.len <= CERTIFICATE_LIMIT &&
                b->key.len <= KEY_LIMIT;
    return fits ? OK : why_set(why, ERR_TOO_LARGE, "document, certificate or key: larger than the registry takes");
}

/* ── writing ── */

static err_t put_hex(struct buf *out, const char *name, struct view bytes)
{
    uint8_t *room = NULL;
    TRY(buf_printf(out, "%s\"%s\":\"0x", out->len == 0 ? "{" : ",", name));
    TRY(buf_reserve(out, HEX_LEN(bytes.len) + 1, &room));
    hex_encode(bytes.data, bytes.len, (char *)room);
    buf_commit(out, HEX_LEN(bytes.len));
    return buf_put_u8(out, '"');
}

static err_t put_bundle(const struct bundle_command *b, const struct document *d, struct buf *out)
{
    const struct view key = buf_view(&b->key);
    uint8_t pcr_hash[KECCAK_LEN], tee_id[KECCAK_LEN];
    keccak256(d->pcr, 3, pcr_hash);
    keccak256(&key, 1, tee_id);
    TRY(put_hex(out, "attestationDocument", buf_view(&b->attested.document)));
    TRY(put_hex(out, "signingPublicKey", key));
    TRY(put_hex(out, "tlsCertificate", buf_view(&b->attested.certificate)));
    TRY(put_hex(out, "pcrHash", view_of(pcr_hash, sizeof(pcr_hash))));
    TRY(put_hex(out, "teeId", view_of(tee_id, sizeof(tee_id))));
    return buf_put_text(out, "}\n");
}

static err_t write_bundle(const char *path, struct view json, struct why *why)
{
    AUTO(output_done) struct output out = OUTPUT_NONE;
    TRY(command_blame("--output", output_open(path, &out, why), why));
    TRY(fd_write_all(out.fd, json.data, json.len));
    TRY(output_reach(&out, json.len, why));
    return output_commit(&out, why);
}

/* ── the command ── */

/* `ret_status`: of what was refused, and said. */
static err_t gather(struct bundle_command *b, int *ret_status, struct why *why)
{
    AUTO_BUF struct buf json = BUF_WITH(JSON_MAX);
    struct veronnx_report report;
    struct document d;
    TRY(attested_ask(b->url, &b->attested, why));
    TRY(attested_signing_key(b->url, &b->key, why));
    const struct veronnx_node node = attested_node(&b->attested, &b->trust.expect);
    (void)veronnx_verify_node(&node, &b->trust.expect, &report);
    *ret_status = verdict_end("og register-bundle", &report);
    if (*ret_status != 0)
        return OK;
    TRY(document_read(buf_view(&b->attested.document), &d, why));
    TRY(check_key(b, &d, why));
    TRY(check_certificate(b, why));
    TRY(check_sizes(b, why));
    TRY(put_bundle(b, &d, &json));
    return write_bundle(b->output, buf_view(&json), why);
}

static err_t run(struct bundle_command *b, int argc, char **argv, int *ret_status, struct why *why)
{
    TRY(parse(b, argc, argv, why));
    if (!b->help)
        return gather(b, ret_status, why);
    (void)fputs(help, stdout);
    return OK;
}

static int register_bundle(int argc, char **argv)
{
    struct why why = {0};
    int status = 0;
    AUTO_MEM struct bundle_command *b = mem_alloc(1, sizeof(*b));
    if (b == NULL)
        return 1;
    trust_init(&b->trust);
    buf_init(&b->key, KEY_LIMIT + 1);
    err_t e = run(b, argc, argv, &status, &why);
    trust_done(&b->trust);
    attested_done(&b->attested);
    buf_done(&b->key);
    return e == OK ? status : command_end_coded("og register-bundle", e, &why);
}

int cmd_og(int argc, char **argv)
{
    struct why why = {0};
    if (argc > 1 && strcmp(argv[1], "register-bundle") == 0)
        return register_bundle(argc - 1, argv + 1);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        (void)fputs(help, stdout);
        return 0;
    }
    return command_end("og", why_set(&why, ERR_USAGE, "what? `veronnx og register-bundle` (see --help)"), &why);
}
