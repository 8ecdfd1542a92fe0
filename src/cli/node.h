/* Where the node is: what `veronnx serve` wrote into its ready file. */
#ifndef VERONNX_CLI_NODE_H
#define VERONNX_CLI_NODE_H

#include "base/err.h"

struct node {
    char url[256];
    char admin_url[256];
    char cert[1024];
    char receipt_key[1024];
};

#define NODE_URL_MAX 512

/* From `ready_file`, or with NULL from the default state folder's ready.json. ERR_USAGE with a sentence; ERR_CLOSED when
   none was named and none is there: no node is running. */
err_t node_find(const char *ready_file, struct node *ret, struct why *why);

/* A path on the node, whose URL may end with a slash. ERR_USAGE with a sentence. */
err_t node_url(const char *node, const char *path, char ret[static NODE_URL_MAX], struct why *why);

#endif
