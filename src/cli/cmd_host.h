/* veronnx host run, describe, switch, stop, root: enclaves on this machine, each with the processes that stand beside
   it. `veronnx host` alone, with options, is veronnx-host. */
#ifndef VERONNX_CLI_CMD_HOST_H
#define VERONNX_CLI_CMD_HOST_H

/* argv[0] is "host". Returns the exit status: 0 done, 1 not, 2 wrong usage. */
int cmd_host(int argc, char **argv);

#endif
