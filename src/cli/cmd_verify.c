/* veronnx verify, and its part for a receipt alone, without attestation. */
#include "cli/cmd_verify.h"

#include "base/mem.h"
#include "cli/check.h"
#include "cli/command.h"
#include "cli/files.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: veronnx verify receipt BUNDLE [options]   (see `veronnx verify receipt BUNDLE --help`)\n"
    "       veronnx verify receipt (--receipt TEXT|@FILE|- | --headers FILE) --key FILE [options]\n"
    "\n"
    "The first form checks a bundle, attestation included. The second takes the key's word for it: it checks the\n"
    "signature, the inclusion proof and every expectation given. No network is used.\n"
    "\n"
    "  --receipt TEXT      the value of the header Veronnx-Receipt; @FILE reads it, - is standard input\n"
    "  --headers FILE      a file of response headers (curl -D FILE) with that header\n"
    "  --key FILE          the node's receipt key, PEM (receipt-key.pem of its state folder)\n"
    "  --allow-simulated   accept a receipt of a node that runs with --simulate\n"
    "  --model CID[/PATH]  this model must have been asked for\n"
    "  --model-hash HEX    SHA-256 of the model file\n"
    "  --nonce HEX         the nonce that the request gave\n"
    "  --input NAME=VALUE  an input tensor: JSON, or @file.npy, @file.json, @file.pb; all inputs or none\n"
    "  --output NAME=VALUE an output tensor, likewise\n"
    "  --json              print what the receipt says as JSON\n"
    "  --help              this text\n"
    "\n"
    "Exit status: 0 genuine, 1 not genuine or not as expected, 2 wrong usage.\n";

#define RECEIPT_FILE_MAX (64 * KIB)

struct verify {
    struct check check;
    const char *receipt;
    const char *headers;
    const char *nonce;
    uint8_t nonce_bytes[STATEMENT_NONCE_MAX];
    bool json;
    bool help;
    struct tensor_args inputs;
    struct tensor_args outputs;
};

static err_t take_option(struct verify *v, int option, const char *value, struct why *why)
{
    switch (option) {
    case 'r':
        v->receipt = value;
        return OK;
    case 'H':
        v->headers = value;
        return OK;
    case 'k':
        v->check.key_file = value;
        return OK;
    case 's':
        v->check.allow_simulated = true;
        return OK;
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

static err_t parse(struct verify *v, int argc, char **argv, struct why *why)
{
    static const struct option options[] = {
        {"receipt", required_argument, NULL, 'r'},    {"headers", required_argument, NULL, 'H'},
        {"key", required_argument, NULL, 'k'},        {"allow-simulated", no_argument, NULL, 's'},
        {"model", required_argument, NULL, 'm'},      {"model-hash", required_argument, NULL, 'M'},
        {"nonce", required_argument, NULL, 'n'},      {"input", required_argument, NULL, 'i'},
        {"output", required_argument, NULL, 'o'},     {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},             {NULL, 0, NULL, 0},
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
    TRY(command_no_more(argc, argv, why));
    if ((v->receipt == NULL) == (v->headers == NULL))
        return why_set(why, ERR_USAGE, "exactly one of --receipt and --headers is needed");
    if (v->check.key_file == NULL)
        return why_set(why, ERR_USAGE, "--key is needed");
    return OK;
}

static err_t take_nonce(struct verify *v, struct why *why)
{
    if (v->nonce == NULL)
        return OK;
    size_t n = strlen(v->nonce) / 2;
    if (n < STATEMENT_NONCE_MIN || n > sizeof(v->nonce_bytes) ||
        hex_decode(view_of(v->nonce, strlen(v->nonce)), v->nonce_bytes, n) != OK)
        return why_set(why, ERR_USAGE, "--nonce: 32 to 128 hex digits");
    v->check.nonce = view_of(v->nonce_bytes, n);
    return OK;
}

static struct view trimmed(struct view v)
{
    while (v.len > 0 && v.data[v.len - 1] <= ' ')
        v.len--;
    while (v.len > 0 && v.data[0] <= ' ')
        v = view_of(v.data + 1, v.len - 1);
    return v;
}

/* The value of the last Veronnx-Receipt line: curl -D keeps the headers of every answer of a redirected request. */
static err_t find_header(struct view text, struct view *ret, struct why *why)
{
    static const char name[] = "veronnx-receipt:";
    struct view found = {0};
    while (text.len > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t n = end != NULL ? (size_t)(end - text.data) + 1 : text.len;
        if (n >= sizeof(name) && strncasecmp((const char *)text.data, name, sizeof(name) - 1) == 0)
            found = trimmed(view_of(text.data + sizeof(name) - 1, n - sizeof(name) + 1));
        text = view_of(text.data + n, text.len - n);
    }
    *ret = found;
    return found.len > 0 ? OK : why_set(why, ERR_RECEIPT_MALFORMED, "--headers: no line Veronnx-Receipt");
}

static err_t load_receipt(struct verify *v, struct buf *text, struct why *why)
{
    if (v->headers != NULL) {
        TRY(command_blame("--headers", file_read(v->headers, text, why), why));
        return find_header(buf_view(text), &v->check.receipt, why);
    }
    if (v->receipt[0] == '@' || strcmp(v->receipt, "-") == 0)
        TRY(command_blame("--receipt", file_read(v->receipt[0] == '@' ? v->receipt + 1 : "-", text, why), why));
    else if (buf_put_text(text, v->receipt) != OK)
        return why_set(why, ERR_USAGE, "--receipt: longer than %zu bytes", RECEIPT_FILE_MAX);
    v->check.receipt = trimmed(buf_view(text));
    return OK;
}

static err_t verify(struct verify *v, int argc, char **argv, struct why *why)
{
    AUTO_BUF struct buf text = BUF_WITH(RECEIPT_FILE_MAX);
    AUTO_BUF struct buf bytes = BUF_WITH(0);
    struct receipt receipt;
    TRY(parse(v, argc, argv, why));
    if (v->help) {
        (void)fputs(help, stdout);
        return OK;
    }
    TRY(take_nonce(v, why));
    TRY(load_receipt(v, &text, why));
    v->check.inputs = v->inputs.count > 0 ? &v->inputs : NULL;
    v->check.outputs = v->outputs.count > 0 ? &v->outputs : NULL;
    TRY(check_receipt(&v->check, &bytes, &receipt, why));
    check_print(&receipt, true, v->json);
    return OK;
}

/* A receipt of its own is named by one of two options; else it is in a bundle. */
static bool names_receipt(int argc, char **argv)
{
    static const char *const names[] = {"--receipt", "--headers"};
    for (int i = 1; i < argc; i++)
        for (size_t k = 0; k < COUNT_OF(names); k++)
            if (strncmp(argv[i], names[k], strlen(names[k])) == 0)
                return true;
    return false;
}

static int cmd_verify_receipt(int argc, char **argv)
{
    struct why why = {0};
    bool asks = argc > 1 && command_asks_for_help(argv[1]);
    if (!asks && !names_receipt(argc, argv))
        return cmd_verify_bundle(argc, argv);
    AUTO_MEM struct verify *v = mem_alloc(1, sizeof(*v));
    if (v == NULL)
        return 1;
    err_t e = verify(v, argc, argv, &why);
    tensor_args_done(&v->inputs);
    tensor_args_done(&v->outputs);
    if (e != ERR_USAGE)
        e = command_blame(err_name(e), e, &why);
    return command_end("verify receipt", e, &why);
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} kinds[] = {
    {"attestation", cmd_verify_attestation, "an attestation document of any enclave"},
    {"receipt", cmd_verify_receipt, "a receipt, in a bundle with all that proves it or alone with a key"},
    {"node", cmd_verify_node, "a node: asks it for a fresh document and compares the connection with it"},
};

int cmd_verify(int argc, char **argv)
{
    struct why why = {0};
    for (size_t i = 0; argc > 1 && i < COUNT_OF(kinds); i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            return kinds[i].run(argc - 1, argv + 1);
    if (argc > 1 && command_asks_for_help(argv[1])) {
        (void)puts("Usage: veronnx verify WHAT [options]\n");
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
            (void)printf("  %-12s %s\n", kinds[i].name, kinds[i].what);
        (void)puts("\nEach explains itself: veronnx verify WHAT --help");
        return 0;
    }
    (void)why_set(&why, ERR_USAGE, "what? `veronnx verify receipt`, `verify attestation` or `verify node` (see --help)");
    return command_end("verify", ERR_USAGE, &why);
}
