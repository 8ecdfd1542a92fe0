/* A file of a DAG out of an archive on disk. */
#ifndef VERONNX_CLI_CAR_FILE_H
#define VERONNX_CLI_CAR_FILE_H

#include "cli/output.h"
#include "cli/progress.h"
#include "ipld/model_id.h"

/* Opens an archive. ERR_USAGE, with a sentence, when there is none. */
err_t car_file_open(const char *path, int *ret_fd, struct why *why);

/* Writes the file `id` to `out`, every block checked, wherever in the archive it stands (as long as it does so once:
   blocks that occur several times in the file need not). Reads no further than it must: what is behind the last block
   that is needed is not looked at, and blocks that are not needed are passed over. The codes of ipld/walk.h and of
   ipld/car.h; ERR_MODEL_NOT_FOUND when the archive has not the root, ERR_MODEL_INCOMPLETE when it lacks another block.
 */
err_t car_file_cat(int fd, const struct model_id *id, struct output *out, struct progress *progress, struct why *why);

#endif
