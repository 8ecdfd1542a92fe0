/* The process that reads the configuration: text and options in, records out, then it ends. */
#ifndef VERONNX_CONFIG_CONFIG_H
#define VERONNX_CONFIG_CONFIG_H

/* Reads the options of `veronnx serve` (argv[1..]) and the file that --config names, and answers CONFIG_DONE or CONFIG_FAILED on the
   control channel. Returns the exit status. */
int config_main(int argc, char **argv);

#endif
