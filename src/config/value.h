/* Single values of the configuration: numbers with units, addresses, models. Pure. */
#ifndef VERONNX_CONFIG_VALUE_H
#define VERONNX_CONFIG_VALUE_H

#include "base/buf.h"
#include "wire/conf.h"

/* 64, 64k, 64M, 2G, 1T (powers of 1024). ERR_USAGE. */
err_t value_bytes(struct view text, uint64_t *ret);
/* 500ms, 30s, 5m, 1h to milliseconds. ERR_USAGE. */
err_t value_time(struct view text, uint64_t *ret);
/* An address to listen at (wire/address.h). `ret_name`: its host for a certificate, "" when it has none. */
err_t value_listen(struct view text, struct address *ret, char ret_name[static 64]);
/* CID[/path] */
err_t value_model(struct view text, struct wire_model *ret, struct why *why);
/* NAME CID[/path]: a name of letters, digits and ._-/ that is not itself a CID. */
err_t value_alias(struct view text, struct conf_alias *ret, struct why *why);
/* KIND URL [token-file FILE]: `ret_file` is FILE, borrowed, empty when there is none. */
err_t value_source(struct view text, struct conf_source *ret, struct view *ret_file, struct why *why);
/* Printable ASCII without quotes and backslashes, not empty, shorter than `size`; copied with a NUL. */
err_t value_word(struct view text, char *ret, size_t size);

#endif
