/* The processes of a node, and what each of them begins with. */
#ifndef VERONNX_WIRE_ROLES_H
#define VERONNX_WIRE_ROLES_H

#include "base/role.h"

/* Descriptors that every child has from its start, beside 0, 1 and 2 on /dev/null. */
enum { CONTROL_FD = 3, LOG_FD = 4 };

#endif
