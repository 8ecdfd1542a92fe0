/* What every child process does first. */
#ifndef VERONNX_MAIN_CHILD_H
#define VERONNX_MAIN_CHILD_H

/* Dies with the supervisor, and refuses to run as anything but its child: without a control channel it says so and exits with 2. */
void child_begin(void);

#endif
