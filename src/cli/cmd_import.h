/* veronnx import: the blocks of an archive into the local store. */
#ifndef VERONNX_CLI_CMD_IMPORT_H
#define VERONNX_CLI_CMD_IMPORT_H

/* Prints `root CID` for each root that the archive lists, then `blocks N bytes N`. Returns the exit status: 0 all of it
   is in the store, 1 not (what came before the fault is), 2 wrong usage. */
int cmd_import(int argc, char **argv);

#endif
