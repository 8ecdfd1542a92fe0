/* veronnx og */
#ifndef VERONNX_CLI_CMD_OG_H
#define VERONNX_CLI_CMD_OG_H

/* Returns the exit status. */
int cmd_og(int argc, char **argv);

#endif
