/* veronnx export: a DAG of the local store as an archive. */
#ifndef VERONNX_CLI_CMD_EXPORT_H
#define VERONNX_CLI_CMD_EXPORT_H

/* Returns the exit status: 0 the archive is there, 1 a block is missing or damaged, 2 wrong usage. */
int cmd_export(int argc, char **argv);

#endif
