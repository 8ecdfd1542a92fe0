/* veronnx-fetch as a child of the command line, started in the same way as the supervisor starts it. */
#ifndef VERONNX_CLI_FETCHER_H
#define VERONNX_CLI_FETCHER_H

#include "wire/source.h"
#include "wire/launch.h"

struct fetcher_source {
    enum source_kind kind;
    const char *value; /* URL, or path of a folder */
};

struct fetcher {
    struct launched process;
    int block_fd; /* the stream of wire/block.h */
};
#define FETCHER_NONE ((struct fetcher){.process = LAUNCHED_NONE, .block_fd = -1})

/* At most SOURCES_MAX sources; `ca_file` may be NULL. ERR_USAGE for a folder that does not exist; ERR_SOURCE_DEAD when
   the process does not get ready. */
err_t fetcher_start(const struct fetcher_source *sources, size_t n, const char *ca_file, struct fetcher *ret,
                    struct why *why);
/* Ends the process and waits for it; accepts FETCHER_NONE. */
void fetcher_stop(struct fetcher *f);
/* Prints what it has logged so far on standard error. */
void fetcher_print_log(const struct fetcher *f);

#endif
