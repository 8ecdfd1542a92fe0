/* The log on its way out of an enclave: records of 64 bytes, one behind the other, over a byte stream. They are as
   typed as inside: an event, the role of who wrote it and up to six integers, which the receiver checks again
   (log_format). */
#ifndef VERONNX_WIRE_LOG_STREAM_H
#define VERONNX_WIRE_LOG_STREAM_H

#include "base/log.h"

struct log_sent {
    uint64_t wall_us; /* when the supervisor got it, by the clock of the enclave; little-endian as all of it */
    struct log_record record;
};
_Static_assert(sizeof(struct log_sent) == 64, "a record of the stream");

#endif
