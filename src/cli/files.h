/* Whole files for the command line. */
#ifndef VERONNX_CLI_FILES_H
#define VERONNX_CLI_FILES_H

#include "base/buf.h"

/* Appends a file's content ("-": standard input), at most what `out` may hold. ERR_USAGE with a sentence that names the reason. */
err_t file_read(const char *path, struct buf *out, struct why *why);

#endif
