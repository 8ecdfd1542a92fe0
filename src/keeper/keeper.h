/* The process that holds the keys. It reads fixed-form messages only and signs only texts that it made itself or checked byte for
   byte: TLS 1.3 CertificateVerify, and the root of a tree of statements. One thread, no files, no sockets of its own. */
#ifndef VERONNX_KEEPER_KEEPER_H
#define VERONNX_KEEPER_KEEPER_H

/* Runs on the inherited descriptors (3 control, 4 log) until the control channel ends. Returns the exit status. */
int keeper_main(void);

#endif
