/* The table of commands, and the help of `veronnx serve` from the table of options. */
#include "cli/cli.h"

#include "cli/cmd_add.h"
#include "cli/cmd_cat.h"
#include "cli/cmd_export.h"
#include "cli/cmd_host.h"
#include "cli/cmd_image.h"
#include "cli/cmd_import.h"
#include "cli/cmd_infer.h"
#include "cli/cmd_models.h"
#include "cli/cmd_og.h"
#include "cli/cmd_verify.h"
#include "wire/options.h"

#include <stdio.h>
#include <string.h>

static int cmd_version(int argc, char **argv);
static int cmd_help(int argc, char **argv);
static int cmd_serve_help(int argc, char **argv);

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} commands[] = {
    {"serve", cmd_serve_help, "run a node"},
    {"host", cmd_host, "run enclaves, and stand beside them: connections, blocks, configuration, log"},
    {"add", cmd_add, "put model files into the local store and print their CIDs"},
    {"import", cmd_import, "put the blocks of an archive (CAR) into the local store"},
    {"export", cmd_export, "write a file or directory of the local store as an archive (CAR)"},
    {"cat", cmd_cat, "get a file of IPFS by its CID, every block checked"},
    {"infer", cmd_infer, "ask a node and verify the receipt"},
    {"verify", cmd_verify, "check a receipt, an attestation document or a node"},
    {"image", cmd_image, "make an enclave image, measure it, look into it"},
    {"models", cmd_models, "list the models of a node and how far they are"},
    {"og", cmd_og, "what OpenGradient's registry is told of a node"},
    {"version", cmd_version, "print the version"},
    {"help", cmd_help, "this text, or `veronnx help COMMAND`"},
};

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_commands(FILE *to)
{
    (void)fputs("Usage: veronnx COMMAND [options]\n\n", to);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        (void)fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].what);
    (void)fputs("\nEach command explains itself: veronnx COMMAND --help\n", to);
}

static int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)puts("veronnx " VERONNX_VERSION);
    return 0;
}

static int no_such_command(const char *name)
{
    (void)fprintf(stderr, "veronnx: %s: no such command (veronnx help lists them)\n", name);
    return 2;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int cmd_help(int argc, char **argv)
{
    static char ask[] = "--help";
    const struct command *c = argc > 1 ? find(argv[1]) : NULL;
    if (argc > 1 && c == NULL && !asks_for_help(argv[1]))
        return no_such_command(argv[1]);
    if (c != NULL && c->run != cmd_help) {
        char *args[] = {argv[1], ask, NULL};
        return c->run(2, args);
    }
    print_commands(stdout);
    return 0;
}

/* Breaks the help of an option at blanks, behind a margin. */
static void print_wrapped(const char *text)
{
    const size_t width = 66;
    while (strlen(text) > width) {
        size_t n = width;
        while (n > 0 && text[n] != ' ')
            n--;
        (void)printf("        %.*s\n", (int)n, text);
        text += n + 1;
    }
    (void)printf("        %s\n", text);
}

static int cmd_serve_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fputs("Usage: veronnx serve [--simulate] [--config FILE] [options]\n\n"
                "Runs a node until SIGTERM. Prints one line with its URL when it is ready.\n"
                "Every option can also stand in the file as `key = value` below the section named here.\n\n"
                "  --config FILE\n        a file with [node], [policy] and [fetch] sections; may stand several times\n",
                stdout);
    for (size_t i = 0; i < options_count; i++) {
        const struct option *o = &options[i];
        (void)printf("  --%s%s%s   [%s]%s%s\n", o->key, o->value != NULL ? " " : "",
                     o->value != NULL ? o->value : "[=false]", option_sections[o->section],
                     o->initial != NULL ? " default " : "", o->initial != NULL ? o->initial : "");
        print_wrapped(o->help);
    }
    (void)fputs("\nExit status: 0 after an orderly end, 1 failure, 2 wrong option or configuration.\n", stdout);
    return 0;
}

static int run(int argc, char **argv)
{
    const struct command *c = argc > 1 ? find(argv[1]) : NULL;
    if (c != NULL)
        return c->run(argc - 1, argv + 1);
    if (argc > 1 && asks_for_help(argv[1]))
        return cmd_help(1, argv);
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return cmd_version(1, argv);
    if (argc > 1)
        return no_such_command(argv[1]);
    print_commands(stderr);
    return 2;
}

int cli_main(int argc, char **argv)
{
    int status = run(argc, argv);
    bool is_whole = fflush(stdout) == 0 && ferror(stdout) == 0;
    if (status != 0 || is_whole)
        return status;
    (void)fputs("veronnx: standard output: not all could be written\n", stderr);
    return 1;
}
