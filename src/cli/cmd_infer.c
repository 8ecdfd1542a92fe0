/* veronnx infer. */
#include "cli/cmd_infer.h"

#include "base/mem.h"
#include "cli/check.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/loading.h"
#include "cli/node.h"
#include "cli/proof.h"
#include "cli/show.h"
#include "ipld/model_id.h"
#include "tensor/print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <yyjson.h>

static const char help[] =
    "Usage: veronnx infer --model ID --input NAME=VALUE ... [options]\n"
    "\n"
    "Sends tensors to a node, prints its answer and verifies the receipt.\n"
    "\n"
    "  --node URL          the node; default: the one that runs here (its ready file)\n"
    "  --ready-file FILE   where that node wrote its ready file\n"
    "  --admin URL         its administration listener, to show how a model loads; default: of the ready file\n"
    "  --model ID          CID, CID/path, or an alias of the node\n"
    "  --input NAME=VALUE  JSON such as x=[[1,2],[3,4.5]], or @file.npy, @file.json, @file.pb\n"
    "  --cacert FILE       the node's certificate (cert.pem of its state folder)\n"
    "  --insecure          do not check the certificate, nor ask for a receipt\n"
    "  --key FILE          the node's receipt key; default: that of the ready file or beside --cacert\n"
    "  --json              print the node's answer as it came\n"
    "  --verify            check the node's attestation before anything is sent, and the receipt with all that proves it\n"
    "  --save-bundle FILE  keep that proof, for `veronnx verify receipt`; with --verify\n"
    "  --cid CID[/PATH]    what an alias must stand for; needed with --verify when --model is one\n"
    "\n"
    "With --verify:\n" TRUST_HELP
    "  --help              this text\n"
    "\n"
    "Exit status: 0 answered and, where the key is known, verified; 1 not; 2 wrong usage.\n";

struct infer {
    struct node node;
    const char *url;
    const char *admin;
    const char *ready_file;
    const char *model;
    const char *cacert;
    const char *key;
    char sibling_key[1024];
    const char *cid;
    bool insecure;
    bool json;
    bool help;
    bool prove;
    struct proof proof;
    uint8_t nonce[32];
    struct tensor_args inputs;
    struct tensor_args outputs;
    struct http_result result;
};

static err_t take_option(struct infer *f, int option, const char *value, struct why *why)
{
    if (trust_take(&f->proof.trust, option, value))
        return OK;
    switch (option) {
    case 'v':
        f->prove = true;
        return OK;
    case 's':
        f->proof.save = value;
        return OK;
    case 'C':
        f->cid = value;
        return OK;
    case 'u':
        f->url = value;
        return OK;
    case 'a':
        f->admin = value;
        return OK;
    case 'r':
        f->ready_file = value;
        return OK;
    case 'm':
        f->model = value;
        return OK;
    case 'i':
        return command_blame("--input", tensor_args_add(&f->inputs, value, why), why);
    case 'c':
        f->cacert = value;
        return OK;
    case 'k':
        f->key = value;
        return OK;
    case 'I':
        f->insecure = true;
        return OK;
    case 'j':
        f->json = true;
        return OK;
    default:
        f->help = true;
        return OK;
    }
}

/* Key and certificate of a node are written beside each other. */
static void find_sibling_key(struct infer *f)
{
    if (f->key != NULL || f->cacert == NULL)
        return;
    const char *slash = strrchr(f->cacert, '/');
    int folder = slash != NULL ? (int)(slash + 1 - f->cacert) : 0;
    int n = snprintf(f->sibling_key, sizeof(f->sibling_key), "%.*sreceipt-key.pem", folder, f->cacert);
    FILE *there = n > 0 && (size_t)n < sizeof(f->sibling_key) ? fopen(f->sibling_key, "re") : NULL;
    if (there != NULL) {
        (void)fclose(there);
        f->key = f->sibling_key;
    }
}

static err_t parse(struct infer *f, int argc, char **argv, struct why *why)
{
    static const struct option options[] = {
        {"node", required_argument, NULL, 'u'},   {"ready-file", required_argument, NULL, 'r'},
        {"model", required_argument, NULL, 'm'},  {"input", required_argument, NULL, 'i'},
        {"cacert", required_argument, NULL, 'c'}, {"key", required_argument, NULL, 'k'},
        {"insecure", no_argument, NULL, 'I'},     {"json", no_argument, NULL, 'j'},
        {"admin", required_argument, NULL, 'a'},  {"help", no_argument, NULL, 'h'},
        {"verify", no_argument, NULL, 'v'},       {"save-bundle", required_argument, NULL, 's'},
        {"cid", required_argument, NULL, 'C'},    TRUST_OPTIONS,
        {NULL, 0, NULL, 0},
    };
    for (;;) {
        int o = 0;
        TRY(command_option(argc, argv, options, &o, why));
        if (o == -1)
            break;
        TRY(take_option(f, o, optarg, why));
    }
    if (f->help)
        return OK;
    TRY(command_no_more(argc, argv, why));
    if (f->model == NULL)
        return why_set(why, ERR_USAGE, "--model is needed");
    if (f->url == NULL) {
        TRY(node_find(f->ready_file, &f->node, why));
        f->url = f->node.url;
        f->cacert = f->cacert != NULL ? f->cacert : f->node.cert;
        f->key = f->key != NULL ? f->key : f->node.receipt_key;
    }
    find_sibling_key(f);
    if (f->cacert != NULL && access(f->cacert, R_OK) != 0)
        return why_set(why, ERR_USAGE, "--cacert: %s: %s", strerror(errno), f->cacert);
    return OK;
}

static bool is_cid(const char *model)
{
    struct model_id id;
    return model_id_parse(view_of(model, strlen(model)), &id, NULL) == OK;
}

/* What is looked at again when there is an answer: then the inputs have been sent. */
static err_t check_expected(const struct infer *f, struct why *why)
{
    struct model_id id;
    if (f->cid != NULL && model_id_parse(view_of(f->cid, strlen(f->cid)), &id, why) != OK)
        return command_blame("--cid", ERR_USAGE, why);
    return f->key != NULL && !f->prove ? check_key(f->key, why) : OK;
}

static err_t load_proof(struct infer *f, struct why *why)
{
    TRY(check_expected(f, why));
    if (!f->prove)
        return f->proof.save == NULL ? OK : why_set(why, ERR_USAGE, "--save-bundle: only with --verify");
    if (f->insecure)
        return why_set(why, ERR_USAGE, "--verify and --insecure: one of them");
    if (strncmp(f->url, "https://", 8) != 0)
        return why_set(why, ERR_USAGE, "--verify: the node's URL must begin with https://");
    if (f->cid == NULL && !is_cid(f->model))
        return why_set(why, ERR_USAGE, "--verify: --model is an alias: --cid says what it must stand for");
    return trust_load(&f->proof.trust, why);
}

/* ── the request ── */

static err_t put_tensors(const struct infer *f, bool strings, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < f->inputs.count; i++) {
        const struct tensor_arg *t = &f->inputs.items[i];
        if (tensor_arg_is_string(t) != strings)
            continue;
        TRY(buf_put_text(out, first ? "{\"name\":" : ",{\"name\":"));
        TRY(print_string(out, view_of(t->name, strlen(t->name))));
        TRY(buf_put_text(out, ",\"values\":["));
        TRY(tensor_arg_request(t, out));
        TRY(buf_put_text(out, "],\"shape\":["));
        for (unsigned d = 0; d < t->rank; d++)
            TRY(buf_printf(out, "%s%lld", d > 0 ? "," : "", (long long)t->dims[d]));
        TRY(buf_put_text(out, "]}"));
        first = false;
    }
    return OK;
}

static err_t make_request(const struct infer *f, struct buf *out)
{
    TRY(buf_put_text(out, "{\"ipfs_hash\":"));
    TRY(print_string(out, view_of(f->model, strlen(f->model))));
    TRY(buf_put_text(out, ",\"model_inputs\":{\"numbers\":["));
    TRY(put_tensors(f, false, out));
    TRY(buf_put_text(out, "],\"strings\":["));
    TRY(put_tensors(f, true, out));
    return buf_put_text(out, "]}}");
}

static err_t ask(struct infer *f, struct why *why)
{
    char url[NODE_URL_MAX], nonce[32 + HEX_LEN(sizeof(f->nonce))] = "Veronnx-Nonce: ";
    const char *const fields[] = {"Content-Type: application/json", "Expect:", nonce, NULL};
    AUTO_BUF struct buf body = BUF_WITH(4 * TENSOR_FILE_MAX);
    TRY(command_blame("--node", node_url(f->url, "/infer", url, why), why));
    TRY(make_request(f, &body));
    if (getrandom(f->nonce, sizeof(f->nonce), 0) != (ssize_t)sizeof(f->nonce))
        return ERR_INTERNAL;
    hex_encode(f->nonce, sizeof(f->nonce), nonce + strlen(nonce));
    struct http_call call = {
        .url = url, .cacert = f->cacert, .insecure = f->insecure, .fields = fields, .body = buf_view(&body)};
    if (f->prove) {
        TRY(proof_open(&f->proof, f->url, why));
        call.insecure = true; /* the key is pinned, whoever signed its certificate */
        call.pinned = f->proof.pinned;
    }
    call.user = loading_new(f->admin != NULL ? f->admin : f->node.admin_url, f->model);
    call.meanwhile = call.user != NULL ? loading_show : NULL;
    err_t e = http_perform(&call, &f->result, why);
    loading_free(call.user);
    return e;
}

/* ── the answer ── */

static err_t report_error(const struct infer *f, struct why *why)
{
    err_t e = ERR_CLOSED;
    yyjson_doc *doc = yyjson_read((const char *)f->result.body.data, f->result.body.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *text = yyjson_get_str(yyjson_obj_get(root, "error"));
    const char *code = yyjson_get_str(yyjson_obj_get(root, "code"));
    e = why_set(why, e, "the node answered %ld %.48s: %.120s", f->result.status, code != NULL ? code : "",
                text != NULL ? text : "(no text)");
    yyjson_doc_free(doc);
    return e;
}

/* An output as text again, to be compared with the receipt bit for bit. What is no array of numbers or strings stays
   away, and is then missing there. */
static err_t take_output(struct infer *f, yyjson_val *item, struct why *why)
{
    yyjson_val *name = yyjson_obj_get(item, "name");
    size_t len = 0;
    AUTO_MEM char *json = yyjson_val_write(yyjson_obj_get(item, "result"), 0, &len);
    if (json == NULL || !yyjson_is_str(name))
        return why_set(why, ERR_BAD_JSON, "the node's answer is not what it should be");
    err_t e = tensor_args_add_json(&f->outputs, view_of(yyjson_get_str(name), yyjson_get_len(name)), view_of(json, len),
                                   NULL);
    return e == ERR_USAGE ? OK : e;
}

static void print_output(yyjson_val *item)
{
    size_t len = 0;
    AUTO_MEM char *json = yyjson_val_write(yyjson_obj_get(item, "result"), 0, &len);
    yyjson_val *name = yyjson_obj_get(item, "name");
    show_escaped(view_of(yyjson_get_str(name), yyjson_get_len(name)));
    (void)printf(": ");
    show_json(json != NULL ? view_of(json, len) : view_of("?", 1));
    (void)putchar('\n');
}

/* The model that the answer names; data NULL: none. */
static err_t take_hash(yyjson_val *root, struct view *ret, struct why *why)
{
    uint8_t hash[SHA256_LEN];
    yyjson_val *text = yyjson_obj_get(root, "model_hash");
    *ret = view_of(yyjson_get_str(text), yyjson_get_len(text));
    if (ret->data != NULL && hex_decode(*ret, hash, sizeof(hash)) != OK)
        return why_set(why, ERR_RECEIPT_MISMATCH, "the answer's model_hash is not a SHA-256");
    return OK;
}

static struct check expected(const struct infer *f, struct view model_hash)
{
    return (struct check){
        .receipt = view_of(f->result.receipt, strlen(f->result.receipt)),
        .key_file = f->key,
        .allow_simulated = true,
        .model = f->cid != NULL ? f->cid : is_cid(f->model) ? f->model : NULL, /* NULL: an alias of the node */
        .model_hash = model_hash,
        .nonce = view_of(f->nonce, sizeof(f->nonce)),
        .inputs = &f->inputs,
        .sent = true,
        .outputs = &f->outputs,
        .answer = buf_view(&f->result.body),
    };
}

/* What cannot be compared is not proved, so nothing is left out here. */
static err_t prove(struct infer *f, struct view model_hash, struct receipt *ret, struct why *why)
{
    struct judged judged;
    const struct check check = expected(f, model_hash);
    if (f->result.receipt[0] == '\0')
        return why_set(why, ERR_RECEIPT_MISMATCH, "the node sent no receipt");
    TRY(proof_close(&f->proof, check.receipt, &check, &judged, why));
    *ret = judged.receipt;
    return OK;
}

static err_t verify(struct infer *f, struct view model_hash, struct buf *bytes, struct receipt *ret, struct why *why)
{
    struct check check = expected(f, model_hash);
    err_t e = check_receipt(&check, bytes, ret, why);
    if (e != ERR_DTYPE_UNSUPPORTED)
        return e;
    (void)fputs("veronnx infer: ", stderr);
    command_say(why->text);
    (void)fputs(" with the receipt\n", stderr);
    check.outputs = NULL;
    buf_done(bytes);
    return check_receipt(&check, bytes, ret, why);
}

/* Prints nothing of the answer before the receipt has proved it. */
static err_t show_answer(struct infer *f, yyjson_val *root, struct why *why)
{
    AUTO_BUF struct buf bytes = BUF_WITH(0);
    struct receipt receipt;
    size_t i = 0, n = 0;
    yyjson_val *item = NULL, *outputs = yyjson_obj_get(root, "output");
    struct view hash = {0};
    bool proved = f->prove || (f->key != NULL && f->result.receipt[0] != '\0');
    yyjson_arr_foreach(outputs, i, n, item)
    {
        TRY(take_output(f, item, why));
    }
    if (proved)
        TRY(take_hash(root, &hash, why));
    if (f->prove)
        TRY(prove(f, hash, &receipt, why));
    else if (proved)
        TRY(verify(f, hash, &bytes, &receipt, why));
    else if (f->key != NULL && !f->insecure)
        return why_set(why, ERR_RECEIPT_MISMATCH, "the node sent no receipt (--insecure does without)");
    else
        (void)fprintf(stderr, "veronnx infer: not verified: %s\n", f->key == NULL ? "no --key" : "no receipt");
    if (f->json) {
        (void)printf("%.*s\n", (int)f->result.body.len, (const char *)f->result.body.data);
        return OK;
    }
    yyjson_arr_foreach(outputs, i, n, item)
    {
        print_output(item);
    }
    if (proved)
        check_print(&receipt, true, false);
    return OK;
}

static err_t show(struct infer *f, struct why *why)
{
    if (f->result.status != 200)
        return report_error(f, why);
    yyjson_doc *doc =
        yyjson_read((const char *)f->result.body.data, f->result.body.len, YYJSON_READ_NUMBER_AS_RAW);
    err_t e = doc != NULL ? show_answer(f, yyjson_doc_get_root(doc), why)
                          : why_set(why, ERR_BAD_JSON, "the node's answer is not JSON");
    yyjson_doc_free(doc);
    return e;
}

int cmd_infer(int argc, char **argv)
{
    struct why why = {0};
    AUTO_MEM struct infer *f = mem_alloc(1, sizeof(*f));
    if (f == NULL)
        return 1;
    proof_init(&f->proof);
    err_t e = parse(f, argc, argv, &why);
    if (e == OK && !f->help)
        e = load_proof(f, &why);
    if (e == OK && f->help) {
        (void)fputs(help, stdout);
    } else if (e == OK) {
        e = ask(f, &why);
        if (e == OK)
            e = show(f, &why);
    }
    tensor_args_done(&f->inputs);
    tensor_args_done(&f->outputs);
    http_result_done(&f->result);
    proof_done(&f->proof);
    return command_end("infer", e, &why);
}
