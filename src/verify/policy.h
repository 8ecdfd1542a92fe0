/* The text of a policy as somebody keeps it, brought into the order in which it was committed. */
#ifndef VERONNX_VERIFY_POLICY_H
#define VERONNX_VERIFY_POLICY_H

#include "base/buf.h"

/* Appends the lines `key = value`, sorted by their bytes: blank lines, comments (#) and a heading [policy] are left out, the blanks around key
   and value too. What is no such line, another heading, or more than POLICY_LINES lines: ERR_MALFORMED. A key that the
   text leaves to its default stays away, and the policy is then another one than the committed. */
#define POLICY_LINES 1024
err_t policy_canonical(struct view text, struct buf *out);

#endif
