/* veronnx verify receipt BUNDLE. */
#include "cli/cmd_verify.h"

#include "base/mem.h"
#include "base/text.h"
#include "cli/check.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/judge.h"
#include "cli/trust.h"
#include "cli/verdict.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: veronnx verify receipt BUNDLE|- [options]\n"
    "\n"
    "Checks a receipt with its attestation document, keyset, configuration and policy. No network is used.\n"
    "\n" TRUST_HELP "  --model CID[/PATH]  this model must have been asked for\n"
    "  --model-hash HEX    SHA-256 of the model file\n"
    "  --nonce HEX         the nonce that the request gave\n"
    "  --input NAME=VALUE  an input tensor: JSON, or @file.npy, @file.json, @file.pb; all inputs or none\n"
    "  --output NAME=VALUE an output tensor, likewise\n"
    "  --json              print the checks and what the receipt says as JSON\n"
    "  --help              this text\n"
    "\n"
    "Without --policy or --any-policy it is refused. Exit status: 0 verified, 1 refused, 2 wrong usage.\n";

struct verify {
    struct trust trust;
    struct check check;
    struct tensor_args inputs;
    struct tensor_args outputs;
    const char *file;
    const char *nonce;
    uint8_t nonce_bytes[STATEMENT_NONCE_MAX];
    bool json;
    bool help;
};

static err_t take_option(struct verify *v, int option, const char *value, struct why *why)
{
    if (trust_take(&v->trust, option, value))
        return OK;
    switch (option) {
    case 'm':
        v->check.model = value;
        return OK;
    case 'M':
        v->check.model_hash = view_of(value, strlen(value));
        return OK;
    case 'n':
        v->nonce = value;
        return OK;
    case 'i':
        return command_blame("--input", tensor_args_add(&v->inputs, value, why), why);
    case 'o':
        return command_blame("--output", tensor_args_add(&v->outputs, value, why), why);
    case 'j':
        v->json = true;
        return OK;
    default:
        v->help = true;
        return OK;
    }
}

static err_t load(struct verify *v, struct why *why)
{
    struct veronnx_bytes nonce = {NULL, 0};
    TRY(trust_load(&v->trust, why));
    if (v->nonce != NULL)
        TRY(command_blame(
            "--nonce", trust_hex(v->nonce, STATEMENT_NONCE_MIN, STATEMENT_NONCE_MAX, v->nonce_bytes, &nonce, why), why));
    v->check.nonce = view_of(nonce.data, nonce.len);
    v->check.inputs = v->inputs.count > 0 ? &v->inputs : NULL;
    v->check.outputs = v->outputs.count > 0 ? &v->outputs : NULL;
    return OK;
}

static err_t parse(struct verify *v, int argc, char **argv, struct why *why)
{
    static const struct option options[] = {
        TRUST_OPTIONS,
        {"model", required_argument, NULL, 'm'},
        {"model-hash", required_argument, NULL, 'M'},
        {"nonce", required_argument, NULL, 'n'},
        {"input", required_argument, NULL, 'i'},
        {"output", required_argument, NULL, 'o'},
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
        TRY(take_option(v, o, optarg, why));
    }
    if (v->help)
        return OK;
    if (optind == argc)
        return why_set(why, ERR_USAGE, "which receipt? a bundle (--receipt and --headers name a receipt alone)");
    v->file = argv[optind++];
    TRY(command_no_more(argc, argv, why));
    return load(v, why);
}

static err_t verify(struct verify *v, int argc, char **argv, int *ret_status, struct why *why)
{
    AUTO_BUF struct buf bytes = BUF_WITH(BUNDLE_MAX + 1);
    TRY(parse(v, argc, argv, why));
    if (v->help) {
        (void)fputs(help, stdout);
        return OK;
    }
    TRY(file_read(v->file, &bytes, why));
    struct judged judged;
    TRY(judge_bundle(buf_view(&bytes), &v->check, &v->trust.expect, &judged, why));
    judge_show(&judged, v->json);
    *ret_status = verdict_end("verify receipt", &judged.report);
    return OK;
}

int cmd_verify_bundle(int argc, char **argv)
{
    struct why why = {0};
    int status = 0;
    AUTO_MEM struct verify *v = mem_alloc(1, sizeof(*v));
    if (v == NULL)
        return 1;
    trust_init(&v->trust);
    err_t e = verify(v, argc, argv, &status, &why);
    trust_done(&v->trust);
    tensor_args_done(&v->inputs);
    tensor_args_done(&v->outputs);
    return e == OK ? status : command_end_coded("verify receipt", e, &why);
}
