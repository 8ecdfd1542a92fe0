/* veronnx verify: is this receipt genuine, and does it say this? */
#ifndef VERONNX_CLI_CMD_VERIFY_H
#define VERONNX_CLI_CMD_VERIFY_H

/* argv[0] is "verify", argv[1] what is verified. Returns the exit status: 0 genuine, 1 not, 2 wrong usage. */
int cmd_verify(int argc, char **argv);

#endif
