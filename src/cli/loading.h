/* What a node says of a model that it is loading, for people who wait. */
#ifndef VERONNX_CLI_LOADING_H
#define VERONNX_CLI_LOADING_H

#include "base/err.h"

#include <yyjson.h>

#define LOADING_TEXT_MAX 96

/* The state of a row of GET /models as one reads it: "ready", "downloading 41 %", "failed: MODEL_NOT_FOUND, again in 5 s". */
void loading_text(yyjson_val *row, char ret[static LOADING_TEXT_MAX]);

/* A model that somebody waits for. */
struct loading;

/* Of the node whose administration listener this is. NULL when there is nothing to show: standard error is no terminal, there is no
   such listener, the name is none. */
struct loading *loading_new(const char *admin_url, const char *model);
/* Asks the node and shows what it says; for http_call's `meanwhile`. */
void loading_show(void *loading);
/* Removes what is shown. Accepts NULL. */
void loading_free(struct loading *l);

#endif
