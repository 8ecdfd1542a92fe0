/* Counts of a node as Prometheus reads them (text exposition format 0.0.4). */
#ifndef VERONNX_FRONT_METRICS_TEXT_H
#define VERONNX_FRONT_METRICS_TEXT_H

#include "base/buf.h"
#include "wire/conf.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends all of them, unless the configuration says otherwise also under Triton's names, where Triton has the same.
   ERR_NOMEM, ERR_TOO_LARGE. */
err_t metrics_put(const struct msg_admin_metrics *m, const struct conf *conf, struct buf *out);

#endif
