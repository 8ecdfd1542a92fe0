/* Options by getopt_long, with sentences of our own. */
#include "cli/command.h"

#include <stdio.h>

err_t command_option(int argc, char **argv, const struct option *table, int *ret_option, struct why *why)
{
    opterr = 0;
    int option = getopt_long(argc, argv, ":h", table, NULL);
    if (option == '?')
        return why_set(why, ERR_USAGE, "%s: no such option, or it takes no value (see --help)", argv[optind - 1]);
    if (option == ':')
        return why_set(why, ERR_USAGE, "%s: needs a value", argv[optind - 1]);
    *ret_option = option;
    return OK;
}

err_t command_no_more(int argc, char **argv, struct why *why)
{
    return optind < argc ? why_set(why, ERR_USAGE, "%s: no option (see --help)", argv[optind]) : OK;
}

err_t command_blame(const char *option, err_t e, struct why *why)
{
    const struct why said = *why;
    return e == OK ? OK : why_set(why, e, "%s: %s", option, said.text[0] != '\0' ? said.text : err_text(e));
}

int command_end(const char *command, err_t e, const struct why *why)
{
    if (e == OK)
        return 0;
    (void)fprintf(stderr, "veronnx %s: %s\n", command, why->text[0] != '\0' ? why->text : err_text(e));
    return e == ERR_USAGE ? 2 : 1;
}
