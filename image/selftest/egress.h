/* Ways out, tried. */
#ifndef VERONNX_SELFTEST_EGRESS_H
#define VERONNX_SELFTEST_EGRESS_H

/* A list: for each row of the jail that an enclave has, and for no jail, what the kernel says to socket() of each
   family and to connect(). Every attempt is made by a child of its own that enters the row as the node's process does.
 */
void egress_print(void);

#endif
