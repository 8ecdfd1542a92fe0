/* veronnx verify node. */
#include "cli/cmd_verify.h"

#include "base/mem.h"
#include "cli/attested.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/trust.h"
#include "cli/verdict.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: veronnx verify node URL [options]\n"
    "\n"
    "Asks a node for an attestation document with a fresh nonce and checks it, the keys, configuration and policy that "
    "it\n"
    "binds, and that the TLS certificate of this very connection is the attested one.\n"
    "\n" TRUST_HELP "  --json              print the checks, the document and both texts as JSON\n"
    "  --help              this text\n"
    "\n"
    "Without --policy or --any-policy the node is refused. Exit status: 0 verified, 1 refused, 2 wrong usage.\n";

struct verify {
    struct trust trust;
    struct attested attested;
    const char *url;
    bool json;
    bool help;
};

static err_t parse(struct verify *v, int argc, char **argv, struct why *why)
{
    static const struct option options[] = {
        TRUST_OPTIONS,
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
        if (trust_take(&v->trust, o, optarg))
            continue;
        v->json |= o == 'j';
        v->help |= o == 'h';
    }
    if (v->help)
        return OK;
    if (optind == argc)
        return why_set(why, ERR_USAGE, "which node? https://HOST:PORT");
    v->url = argv[optind++];
    TRY(command_no_more(argc, argv, why));
    if (strncmp(v->url, "https://", 8) != 0)
        return why_set(why, ERR_USAGE, "the node's URL must begin with https://");
    return trust_load(&v->trust, why);
}

static void show(const struct verify *v, const struct veronnx_report *r)
{
    struct document d;
    bool readable = document_read(buf_view(&v->attested.document), &d, NULL) == OK;
    if (v->json) {
        verdict_json(r);
        if (readable)
            verdict_document(&d, true);
        show_text("configuration", buf_view(&v->attested.configuration), true);
        show_text("policy", buf_view(&v->attested.policy), true);
        (void)puts("}");
    } else if (readable && r->n_failed == 0) {
        (void)puts("The node is genuine, and this connection ends in it.");
        verdict_caveats(r);
        verdict_document(&d, false);
        (void)puts("Its configuration:");
        show_lines(buf_view(&v->attested.configuration));
        (void)puts("Its policy:");
        show_lines(buf_view(&v->attested.policy));
    }
}

static err_t verify(struct verify *v, int argc, char **argv, int *ret_status, struct why *why)
{
    struct veronnx_report report;
    TRY(parse(v, argc, argv, why));
    if (v->help) {
        (void)fputs(help, stdout);
        return OK;
    }
    TRY(attested_ask(v->url, &v->attested, why));
    const struct veronnx_node node = attested_node(&v->attested, &v->trust.expect);
    (void)veronnx_verify_node(&node, &v->trust.expect, &report);
    show(v, &report);
    *ret_status = verdict_end("verify node", &report);
    return OK;
}

int cmd_verify_node(int argc, char **argv)
{
    struct why why = {0};
    int status = 0;
    AUTO_MEM struct verify *v = mem_alloc(1, sizeof(*v));
    if (v == NULL)
        return 1;
    trust_init(&v->trust);
    err_t e = verify(v, argc, argv, &status, &why);
    trust_done(&v->trust);
    attested_done(&v->attested);
    return e == OK ? status : command_end("verify node", e, &why);
}
