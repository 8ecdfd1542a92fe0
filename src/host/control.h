/* Where whoever runs the host says where a row leads from now on: a line "ROW ADDRESS", answered "OK" or "ERROR" and
   the end of the connection. One conversation at a time. The socket's folder says who may. */
#ifndef VERONNX_HOST_CONTROL_H
#define VERONNX_HOST_CONTROL_H

#include "host/forward.h"

#define CONTROL_LINE_MAX 160

struct control {
    struct watch listener;
    struct watch talker;
    struct forwarder *forwarder;
    size_t n_rows;
    uint64_t until_ms;
    size_t at;
    char line[CONTROL_LINE_MAX];
};

/* A line without its end. ERR_MALFORMED, ERR_TOO_LARGE or ERR_USAGE. */
err_t control_parse(struct view line, size_t n_rows, size_t *ret_row, struct address *ret_to);

/* `at` of family 0: nothing listens. An error is printed and gives ERR_USAGE. */
err_t control_open(struct control *c, struct loop *l, const struct address *at, struct forwarder *f, size_t n_rows);
void control_close(struct control *c);
/* Once a second. */
void control_tick(struct control *c);

#endif
