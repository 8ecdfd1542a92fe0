/* The supervisor, `veronnx serve`: starts, jails, budgets, hears and ends the other processes. It sees fixed-form records only. */
#ifndef VERONNX_SUPER_SUPER_H
#define VERONNX_SUPER_SUPER_H

/* Runs a node on the command-line options of `veronnx serve`. Returns the exit status: 0 orderly end, 1 failure, 2 wrong option. */
int super_main(int argc, char **argv);

#endif
