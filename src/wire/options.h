/* Every key of the configuration, once: how it is written, where it lands in `struct conf`, its default, its limits, its help.
   Reader, `veronnx serve --help` and docs/operations.md are made from this table. */
#ifndef VERONNX_WIRE_OPTIONS_H
#define VERONNX_WIRE_OPTIONS_H

#include "wire/conf.h"

enum option_section { SECTION_NODE, SECTION_POLICY, SECTION_FETCH, SECTION_COUNT_ };
extern const char *const option_sections[SECTION_COUNT_];

enum option_type {
    OPTION_FLAG,      /* uint32_t 0 or 1; true, false; on the command line without a value */
    OPTION_NUMBER,    /* uint32_t */
    OPTION_BYTES,     /* uint64_t; 64, 64k, 64M, 2G */
    OPTION_TIME,      /* uint32_t milliseconds; 500ms, 30s, 5m */
    OPTION_PATH,      /* char[CONF_PATH_MAX], made absolute */
    OPTION_LISTEN,    /* an address to listen at, repeatable */
    OPTION_ADMIN,     /* an address to listen at */
    OPTION_PEER,      /* struct address: vsock or a Unix socket to connect to */
    OPTION_CHOICE,    /* uint32_t, one of `choices` */
    OPTION_ALIAS,     /* NAME CID[/path], repeatable */
    OPTION_ALLOW,     /* CID[/path], repeatable */
    OPTION_PRELOAD,   /* CID[/path], repeatable */
    OPTION_DOMAIN,    /* operator domain, repeatable */
    OPTION_SOURCE,    /* KIND URL [token-file FILE], repeatable */
};

struct option {
    const char *key; /* in the file; on the command line with "--" */
    enum option_section section;
    enum option_type type;
    size_t offset;
    uint64_t min;
    uint64_t max;
    const char *initial; /* as it would be written; NULL: none */
    const char *value;   /* its name in the help */
    const char *help;
    const char *const *choices; /* ends with NULL */
    bool local;                 /* of this machine: not part of the committed text */
};

#define OPTIONS_MAX 64 /* there are not more */
extern const struct option options[];
extern const size_t options_count;

/* Where it is a number: the bytes that it has in `struct conf`, 4 or 8, and its limits. 0: it is something else. */
size_t option_number(const struct option *o, uint64_t *ret_min, uint64_t *ret_max);

/* NULL when there is no such key. */
const struct option *option_find(struct view key);

#endif
