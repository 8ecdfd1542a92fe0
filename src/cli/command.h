/* What all commands share: reading options, naming what was wrong, ending. */
#ifndef VERONNX_CLI_COMMAND_H
#define VERONNX_CLI_COMMAND_H

#include "base/err.h"

#include <getopt.h>

/* The next option by its letter in the table, its value in `optarg`; -1 after the last, when argv[optind] is what else
   was given. ERR_USAGE, with a sentence that names it, for one that is not in the table or that lacks its value. */
err_t command_option(int argc, char **argv, const struct option *table, int *ret_option, struct why *why);
/* The same where -o is short for an option of the table that has the letter 'o' and a value. */
err_t command_option_or_o(int argc, char **argv, const struct option *table, int *ret_option, struct why *why);
/* ERR_USAGE when anything but options was given. */
err_t command_no_more(int argc, char **argv, struct why *why);

bool command_asks_for_help(const char *word);

/* Puts the name of an option before the sentence of an error; OK stays OK. */
err_t command_blame(const char *option, err_t e, struct why *why);

/* The text on standard error. Names of tensors and files may be anybody's, and a node says what it likes: `?` stands
   for what a terminal would obey. */
void command_say(const char *text);

/* Prints the one line about an error and returns the exit status: 0 without one, 2 for ERR_USAGE, else 1. */
int command_end(const char *command, err_t e, const struct why *why);
/* The same with the code of an error that is not ERR_USAGE in front of its sentence. */
int command_end_coded(const char *command, err_t e, const struct why *why);

#endif
