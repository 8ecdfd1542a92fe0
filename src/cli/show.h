/* Lines of a result, for a person or as members of a JSON object, on standard output. Whoever made a value cannot make
   a terminal or a reader of JSON take it for more than a value. */
#ifndef VERONNX_CLI_SHOW_H
#define VERONNX_CLI_SHOW_H

#include "base/buf.h"

/* `NAME    value`, or `,"NAME":"value"`. A value of JSON is at most 64 KiB, one in hexadecimal 2 KiB. */
void show_text(const char *name, struct view text, bool json);
void show_hex(const char *name, struct view bytes, bool json);
/* Unix microseconds as UTC. */
void show_time(const char *name, uint64_t us, bool json);
/* Every byte that is not printable ASCII as \xNN. */
void show_escaped(struct view text);
/* Valid JSON as it is, but for the control characters that JSON lets stand in a string (DEL, C1): these as \u00NN. */
void show_json(struct view json);
/* Lines of text, each indented. */
void show_lines(struct view text);

#endif
