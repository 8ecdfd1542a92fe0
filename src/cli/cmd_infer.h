/* veronnx infer: asks a node, and checks its receipt. */
#ifndef VERONNX_CLI_CMD_INFER_H
#define VERONNX_CLI_CMD_INFER_H

/* Returns the exit status: 0 answered (and verified when a key is known), 1 not, 2 wrong usage. */
int cmd_infer(int argc, char **argv);

#endif
