/* What has to be true of a message as a whole, and what is noted of it, when the walk has read it. */
#ifndef VERONNX_INFER_SCAN_RULES_H
#define VERONNX_INFER_SCAN_RULES_H

#include "infer/scan/run.h"

/* `f` is the innermost frame of `s`, read to its end. */
err_t rules_check(struct scan *s, struct scan_frame *f);

bool rules_domain_allowed(const struct scan_policy *policy, struct view domain);

/* The rules that have a file of their own. */
err_t rule_node(struct scan *s, struct scan_frame *f);
err_t rule_attribute(struct scan *s, struct scan_frame *f);
err_t rule_tensor(struct scan *s, struct scan_frame *f);
err_t rule_sparse(struct scan *s, struct scan_frame *f);
err_t rule_shape(struct scan *s, struct scan_frame *f);

#endif
