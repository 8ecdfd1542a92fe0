/* The process that brings blocks: untrusted by design, for whoever asks checks every block. It serves each infer
   process over one stream of wire/block.h, from folders, from its cache and over HTTP.

       veronnx-fetch [--source KIND=VALUE [--token-file FILE]]... [--cache DIR [--cache-size BYTES]] [--ca-file FILE]

       --source store=DIR      a folder of blocks
       --source gateway=URL    a trustless gateway
       --source kubo=URL       Kubo's RPC
       --source files=URL      files named by their CID
       --token-file FILE       of the source before it: one line, sent as "Authorization: Bearer LINE" (or as it stands
                               when it begins with a scheme and a blank, such as "Basic ...")
       --cache DIR             made when it does not exist; without it nothing is kept
       --cache-size BYTES      at most so much of it (default 20 GiB)
       --ca-file FILE          PEM file of the certificates that https sources are checked with, instead of the system's

   Sources are asked in the order in which they stand, folders (which stand before URLs) after the cache. The `source`
   of a BLOCK is the place in that list, from 1; 0 is the cache.

   It is started with descriptor 3, its end of a CHAN_FETCH channel, on which it says FETCH_READY and takes streams with
   FETCH_SERVE; descriptor 4, where its log records go; and an empty working directory. It ends when the channel does.
   `veronnx serve` starts it, and `veronnx cat` may in the same way. */
#ifndef VERONNX_FETCH_FETCH_H
#define VERONNX_FETCH_FETCH_H

#include "wire/source.h"

#define FETCH_CACHE_SOURCE 0
#define FETCH_CACHE_SIZE   (20 * GIB)

struct fetch_source {
    enum source_kind kind;
    const char *value;      /* DIR or URL */
    const char *token_file; /* or NULL */
};
struct fetch_options {
    struct fetch_source sources[SOURCES_MAX];
    size_t n_sources;
    const char *cache;   /* or NULL */
    uint64_t cache_size; /* bytes */
    const char *ca_file; /* or NULL */
};

/* The options above; strings are borrowed from `argv`. ERR_USAGE. */
err_t fetch_options_parse(int argc, char **argv, struct fetch_options *ret, struct why *why);

/* Runs until the control channel ends. Returns the exit status. */
int fetch_main(int argc, char **argv);

#endif
