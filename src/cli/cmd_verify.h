/* veronnx verify: is this document, receipt, node to be believed, and does it say this? */
#ifndef VERONNX_CLI_CMD_VERIFY_H
#define VERONNX_CLI_CMD_VERIFY_H

/* argv[0] is "verify", argv[1] what is verified. Returns the exit status: 0 genuine, 1 not, 2 wrong usage. */
int cmd_verify(int argc, char **argv);

/* The parts of it; argv[0] is "attestation", "receipt" or "node". */
int cmd_verify_attestation(int argc, char **argv);
int cmd_verify_bundle(int argc, char **argv);
int cmd_verify_node(int argc, char **argv);

#endif
