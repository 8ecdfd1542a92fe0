/* CRC-32/ISO-HDLC, the one of Ethernet and gzip: polynomial 04C11DB7 reflected, start and end inverted. */
#ifndef VERONNX_EIF_CRC32_H
#define VERONNX_EIF_CRC32_H

#include "base/buf.h"

/* The CRC of what came before, whose CRC was `crc`, and `bytes` behind it; that of nothing is 0. */
uint32_t crc32_more(uint32_t crc, struct view bytes);

#endif
