/* What a process has open. */
#ifndef VERONNX_SELFTEST_DESCRIPTORS_H
#define VERONNX_SELFTEST_DESCRIPTORS_H

/* A list: for a socket its family, type, and whether it listens (and where) or to whom it leads, asked of the socket
   itself: /proc/net knows no vsock. For anything else what /proc says, without the numbers of inodes. */
void descriptors_print(const char *pid);

#endif
