/* Options by getopt_long, with sentences of our own. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

static err_t next_option(int argc, char **argv, const char *letters, const struct option *table, int *ret_option,
                         struct why *why)
{
    opterr = 0;
    int option = getopt_long(argc, argv, letters, table, NULL);
    if (option == '?')
        return why_set(why, ERR_USAGE, "%s: no such option, or it takes no value (see --help)", argv[optind - 1]);
    if (option == ':')
        return why_set(why, ERR_USAGE, "%s: needs a value", argv[optind - 1]);
    *ret_option = option;
    return OK;
}

err_t command_option(int argc, char **argv, const struct option *table, int *ret_option, struct why *why)
{
    return next_option(argc, argv, ":h", table, ret_option, why);
}

err_t command_option_or_o(int argc, char **argv, const struct option *table, int *ret_option, struct why *why)
{
    return next_option(argc, argv, ":ho:", table, ret_option, why);
}

err_t command_no_more(int argc, char **argv, struct why *why)
{
    return optind < argc ? why_set(why, ERR_USAGE, "%s: no option (see --help)", argv[optind]) : OK;
}

bool command_asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

err_t command_blame(const char *option, err_t e, struct why *why)
{
    const struct why said = *why;
    return e == OK ? OK : why_set(why, e, "%s: %s", option, said.text[0] != '\0' ? said.text : err_text(e));
}

void command_say(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c, next = (unsigned char)c[1];
        bool c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;
        (void)fputc(c1 || byte < 0x20 || byte == 0x7f ? '?' : *c, stderr);
        c += c1;
    }
}

static void complain(const char *command, const char *code, err_t e, const struct why *why)
{
    (void)fprintf(stderr, "veronnx %s: %s", command, code);
    command_say(why->text[0] != '\0' ? why->text : err_text(e));
    (void)fputc('\n', stderr);
}

int command_end(const char *command, err_t e, const struct why *why)
{
    if (e == OK)
        return 0;
    complain(command, "", e, why);
    return e == ERR_USAGE ? 2 : 1;
}

int command_end_coded(const char *command, err_t e, const struct why *why)
{
    char code[64];
    if (e == OK || e == ERR_USAGE)
        return command_end(command, e, why);
    (void)snprintf(code, sizeof(code), "%s: ", err_name(e));
    complain(command, code, e, why);
    return 1;
}
