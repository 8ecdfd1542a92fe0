/* The process that speaks to the network: TLS and HTTP in, typed messages out. With --admin it serves the administration listener
   instead, without a TLS key, a ticket or a job channel. */
#ifndef VERONNX_FRONT_FRONT_H
#define VERONNX_FRONT_FRONT_H

/* Run on the inherited descriptors (3 control, 4 log) until the control channel ends. Return the exit status. */
int front_main(void);
int front_admin_main(void);

#endif
