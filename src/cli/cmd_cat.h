/* veronnx cat: the bytes of a file on IPFS, every block checked. */
#ifndef VERONNX_CLI_CMD_CAT_H
#define VERONNX_CLI_CMD_CAT_H

/* Returns the exit status: 0 all of the file was verified, 1 not, 2 wrong usage. */
int cmd_cat(int argc, char **argv);

#endif
