/* veronnx verify attestation. */
#include "cli/cmd_verify.h"

#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/trust.h"
#include "cli/verdict.h"

#include <stdio.h>

static const char help[] =
    "Usage: veronnx verify attestation FILE|- [options]\n"
    "\n"
    "Checks an attestation document of a Nitro enclave, raw or in base64. No network is used.\n"
    "\n" TRUST_HELP
    "  --nonce HEX         the document's nonce must be this\n"
    "  --user-data HEX     its user data must be this\n"
    "  --json              print the checks and the document as JSON\n"
    "  --help              this text\n"
    "\n"
    "Here --policy is compared with PCR18 and may be left out. Exit status: 0 verified, 1 refused, 2 wrong usage.\n";

struct attestation {
    struct trust trust;
    const char *file;
    const char *nonce;
    const char *user_data;
    bool json;
    bool help;
    uint8_t nonce_bytes[DOCUMENT_FIELD_MAX];
    uint8_t user_data_bytes[DOCUMENT_FIELD_MAX];
};

static void take_option(struct attestation *a, int option, const char *value)
{
    if (trust_take(&a->trust, option, value))
        return;
    switch (option) {
    case 'n':
        a->nonce = value;
        break;
    case 'u':
        a->user_data = value;
        break;
    case 'j':
        a->json = true;
        break;
    default:
        a->help = true;
    }
}

static err_t load(struct attestation *a, struct why *why)
{
    struct veronnx_expect *x = &a->trust.expect;
    TRY(trust_load(&a->trust, why));
    if (a->nonce != NULL)
        TRY(command_blame(
            "--nonce", trust_hex(a->nonce, 0, sizeof(a->nonce_bytes), a->nonce_bytes, &x->document_nonce, why), why));
    if (a->user_data != NULL)
        TRY(command_blame(
            "--user-data",
            trust_hex(a->user_data, 0, sizeof(a->user_data_bytes), a->user_data_bytes, &x->user_data, why), why));
    return OK;
}

static err_t parse(struct attestation *a, int argc, char **argv, struct why *why)
{
    static const struct option options[] = {
        TRUST_OPTIONS,
        {"nonce", required_argument, NULL, 'n'},
        {"user-data", required_argument, NULL, 'u'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 1;
    for (;;) {
        int o = 0;
        TRY(command_option(argc, argv, options, &o, why));
        if (o == -1)
            break;
        take_option(a, o, optarg);
    }
    if (a->help)
        return OK;
    if (optind == argc)
        return why_set(why, ERR_USAGE, "which document? a file, or - for standard input");
    a->file = argv[optind++];
    TRY(command_no_more(argc, argv, why));
    return load(a, why);
}

/* Raw, or in base64 however its lines are broken: no document begins with a letter of that alphabet. */
static err_t read_document(const char *path, struct buf *ret, struct why *why)
{
    AUTO_BUF struct buf file = BUF_WITH(4 * DOCUMENT_MAX);
    size_t kept = 0;
    TRY(file_read(path, &file, why));
    if (file.len == 0 || (file.data[0] & 0x80) != 0)
        return buf_put_view(ret, buf_view(&file));
    for (size_t i = 0; i < file.len; i++)
        if (file.data[i] > ' ')
            file.data[kept++] = file.data[i];
    if (base64_decode(view_of(file.data, kept), ret) != OK)
        (void)buf_put_view(ret, buf_view(&file)); /* to be refused as what it is */
    return OK;
}

static void show(const struct attestation *a, const struct document *d, const struct veronnx_report *r)
{
    bool verified = r->n > 0 && r->n_failed == 0;
    if (a->json) {
        verdict_json(r);
        if (d != NULL)
            verdict_document(d, true);
        (void)puts("}");
    } else if (verified) {
        (void)puts("The attestation document is genuine.");
        verdict_caveats(r);
        verdict_document(d, false);
    }
}

static err_t verify(struct attestation *a, int argc, char **argv, int *ret_status, struct why *why)
{
    AUTO_BUF struct buf bytes = BUF_WITH(4 * DOCUMENT_MAX);
    struct veronnx_report report;
    struct document d;
    TRY(parse(a, argc, argv, why));
    if (a->help) {
        (void)fputs(help, stdout);
        return OK;
    }
    TRY(read_document(a->file, &bytes, why));
    (void)veronnx_verify_attestation((struct veronnx_bytes){bytes.data, bytes.len}, &a->trust.expect, &report);
    bool readable = document_read(buf_view(&bytes), &d, NULL) == OK;
    show(a, readable ? &d : NULL, &report);
    *ret_status = verdict_end("verify attestation", &report);
    return OK;
}

int cmd_verify_attestation(int argc, char **argv)
{
    struct why why = {0};
    int status = 0;
    AUTO_MEM struct attestation *a = mem_alloc(1, sizeof(*a));
    if (a == NULL)
        return 1;
    trust_init(&a->trust);
    err_t e = verify(a, argc, argv, &status, &why);
    trust_done(&a->trust);
    return e == OK ? status : command_end("verify attestation", e, &why);
}
