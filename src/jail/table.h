/* The jail table as data: which calls a row has, with which arguments, and what else belongs to it. Filters, the tests
   that try every call, and the page in docs/processes.md are made from this. */
#ifndef VERONNX_JAIL_TABLE_H
#define VERONNX_JAIL_TABLE_H

#include "jail/jail.h"

/* Cells of a call, one per row: CELL_KILL, CELL_ALLOW, a capital letter = a refusal, a small letter = argument rules.
   */
#define CELL_KILL  '.'
#define CELL_ALLOW '+'

struct jail_call {
    int nr; /* of this architecture; negative where it does not exist */
    const char *name;
    char cells[JAIL_ROWS_ + 1];
};
extern const struct jail_call jail_calls[];
extern const size_t jail_n_calls;

/* A call that fails with an error number, so that a library takes its other way. */
struct jail_refusal {
    char cell;
    int error;
    const char *name;
};
extern const struct jail_refusal jail_refusals[];
extern const size_t jail_n_refusals;

/* (args[arg] & mask) == value. A check with mask 0 ends the list. */
struct jail_check {
    unsigned arg;
    uint64_t mask;
    uint64_t value;
};
#define JAIL_MAX_CHECKS 2
/* In `value`: the process that installs the filter. */
#define JAIL_OWN_PID UINT64_MAX

/* One permitted form of a call: all checks hold. A call is allowed when one of the rules with its number and cell fits.
   */
struct jail_rule {
    char cell;
    int nr;
    const char *text;
    struct jail_check checks[JAIL_MAX_CHECKS];
};
extern const struct jail_rule jail_rules[];
extern const size_t jail_n_rules;

/* A maximum: soft and hard limit become the smaller one of `max` and the hard limit found. */
struct jail_limit {
    int resource;
    const char *name; /* NULL ends the list */
    uint64_t max;
};
#define JAIL_MAX_LIMITS 4

/* What a row has besides its calls. A row with `after` is reached by jail_tighten from that row alone, and only its
   calls count.
   environment: what stays, ends with NULL; "NAME=value" must be there and be so, "NAME" may be there. */
struct jail_traits {
    const char *name;
    enum jail_row after; /* JAIL_ROWS_: entered by jail_enter */
    const char *environment[3];
    struct jail_limit limits[JAIL_MAX_LIMITS];
    uint64_t capabilities;
    bool tcp_bind;    /* what Landlock leaves of TCP */
    bool tcp_connect;
};
extern const struct jail_traits jail_traits[JAIL_ROWS_];

/* The refusal behind a cell, or NULL. */
const struct jail_refusal *jail_refusal(char cell);

#endif
