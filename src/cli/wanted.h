/* The policy that somebody wants, as a file that could be a node's configuration. */
#ifndef VERONNX_CLI_WANTED_H
#define VERONNX_CLI_WANTED_H

#include "base/buf.h"

#define WANTED_DEFAULTS 1024 /* bytes that wanted_fill adds at most */

/* Appends the keys of [policy] that the text leaves out, at their defaults, as a node commits them. A text that says
   nothing wants nothing: it stays as it is, and is refused. */
err_t wanted_fill(struct buf *policy);

#endif
