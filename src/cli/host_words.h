/* The words behind `veronnx host run` and its sisters. */
#ifndef VERONNX_CLI_HOST_WORDS_H
#define VERONNX_CLI_HOST_WORDS_H

#include "cli/host_side.h"

#define HOST_MORE_MAX 128

struct host_words {
    char image[HOST_PATH_MAX]; /* absolute; "" where none is taken */
    const char *run_dir;       /* NULL: the usual one */
    struct host_asked asked;
    struct host_settings settings; /* `run`: complete; else 0 and "" for what was not said */
    uint32_t cid;
    bool foreground;
    bool now;
    bool help;
    const char *more[HOST_MORE_MAX]; /* for veronnx-host, ends with NULL */
    size_t n_more;
};

enum { WORDS_RUN = 1, WORDS_SWITCH = 2, WORDS_STOP = 4, WORDS_DESCRIBE = 8 };

/* argv[0] is the command. `ret` is zeroed and stays where it is: `asked` points into it. ERR_USAGE with a sentence that
   names the option. */
err_t host_words_parse(int argc, char **argv, unsigned command, struct host_words *ret, struct why *why);

extern const char host_words_help[];

#endif
