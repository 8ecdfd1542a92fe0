/* veronnx models: what a node serves just now. */
#ifndef VERONNX_CLI_CMD_MODELS_H
#define VERONNX_CLI_CMD_MODELS_H

/* Returns the exit status: 0, 1 when the node does not answer, 2 wrong usage. */
int cmd_models(int argc, char **argv);

#endif
