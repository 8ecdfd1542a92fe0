/* Where blocks may come from, as the configuration and veronnx-fetch's options name it. Pure; fuzzed. */
#ifndef VERONNX_WIRE_SOURCE_H
#define VERONNX_WIRE_SOURCE_H

#include "base/buf.h"

#define SOURCES_MAX    16
#define SOURCE_URL_MAX 512 /* with its NUL */
/* The fetcher's numbers of where a block came from: 0 its cache, then the sources as it was given them. */
#define SOURCE_NUMBERS (SOURCES_MAX + 1)

enum source_kind {
    SOURCE_STORE,   /* a folder of blocks: store/store.h */
    SOURCE_GATEWAY, /* a trustless gateway: URL/ipfs/CID?format=raw */
    SOURCE_KUBO,    /* Kubo's RPC: POST URL/api/v0/block/get?arg=CID */
    SOURCE_FILES,   /* files named by their CID behind any web server: URL/CID */
    SOURCE_KINDS_
};
/* "store", "gateway", "kubo", "files". */
extern const char *const source_kind_names[SOURCE_KINDS_];
/* ERR_USAGE. */
err_t source_kind_find(struct view name, enum source_kind *ret);

/* What looking up a host's name and checking its certificate read of a system; ends with NULL. */
#define SOURCE_SYSTEM_FILES 11
extern const char *const source_system_files[SOURCE_SYSTEM_FILES];

/* http:// or https://, a host name or address, maybe a port and a path; printable ASCII without blanks, quotes and
   backslashes. No user or password (they would show in the process list), no query, no fragment. ERR_USAGE. */
err_t source_url_check(struct view url, struct why *why);

#endif
