/* `veronnx host`: what an enclave needs outside of it. It sees ciphertext, sizes and times, which CIDs are wanted, and
 * the log. */
#ifndef VERONNX_HOST_HOST_H
#define VERONNX_HOST_HOST_H

/* Runs until SIGTERM. argv[0] is "host". Returns the exit status: 0 orderly end, 1 failure, 2 wrong usage. */
int host_main(int argc, char **argv);

#endif
