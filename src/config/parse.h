/* Configuration text and options to `struct conf`. Pure; fuzzed. */
#ifndef VERONNX_CONFIG_PARSE_H
#define VERONNX_CONFIG_PARSE_H

#include "base/buf.h"
#include "wire/options.h"

#define CONFIG_FILE_MAX (16 * KIB)

/* A configuration in the making. */
struct config {
    struct conf conf;
    bool given[OPTIONS_MAX]; /* by index into options[]: said by the file or the command line */
    char cwd[CONF_PATH_MAX];
    bool delivered; /* the text comes from outside the enclave: nothing of this machine may stand in it, and all of the policy must */
};

/* Every key at its default. `cwd`: what relative paths are relative to. */
err_t config_init(struct config *c, const char *cwd, struct why *why);

/* One value, as the file or the command line has it. A value on the command line replaces those of the file: `replace` forgets what a
   repeatable key had. ERR_USAGE with a sentence that begins with the key. */
err_t config_set(struct config *c, const struct option *o, struct view value, struct why *why);
void config_forget(struct config *c, const struct option *o);

/* A whole file: [section] headers, `key = value` lines, `#` comments. ERR_USAGE with a sentence and the line. */
err_t config_text(struct config *c, struct view text, uint32_t *ret_line, struct why *why);

/* What only the whole can tell: at least one listener, a list of models that is not empty and has all that is preloaded, a policy
   that is written out when it was delivered. */
err_t config_finish(struct config *c, struct why *why);

/* The committed text of a section: every effective value as `key = value`, one a line, sorted by key then value. */
err_t config_canonical(const struct config *c, enum option_section section, struct buf *out);

#endif
