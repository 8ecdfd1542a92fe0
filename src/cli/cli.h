/* The command line: everything but `veronnx serve` itself. */
#ifndef VERONNX_CLI_CLI_H
#define VERONNX_CLI_CLI_H

/* argv[1] is the command. Returns the exit status: not 0 when standard output did not take all. */
int cli_main(int argc, char **argv);

#endif
