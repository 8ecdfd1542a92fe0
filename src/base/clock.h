/* Clocks. */
#ifndef VERONNX_BASE_CLOCK_H
#define VERONNX_BASE_CLOCK_H

#include "base/defs.h"

/* Monotonic, for durations and deadlines. */
uint64_t clock_mono_ns(void);
uint64_t clock_mono_ms(void);
/* Wall time, Unix microseconds. */
uint64_t clock_wall_us(void);

#endif
