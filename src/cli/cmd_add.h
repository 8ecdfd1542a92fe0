/* veronnx add: cuts files into blocks and puts them into a store. */
#ifndef VERONNX_CLI_CMD_ADD_H
#define VERONNX_CLI_CMD_ADD_H

/* argv[0] is the command's name. Prints `CID SIZE NAME` for each file when all its blocks are in the store; progress
   on a terminal after two seconds. With --alias-file their names are written if none failed. Returns the exit status:
   0, 1 when a file failed (the others are still added), 2 for a wrong option. */
int cmd_add(int argc, char **argv);

#endif
