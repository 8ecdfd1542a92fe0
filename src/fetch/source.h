/* The sources: folders that are looked into, URLs that are asked. */
#ifndef VERONNX_FETCH_SOURCE_H
#define VERONNX_FETCH_SOURCE_H

#include "fetch/fetch.h"
#include "fetch/health.h"
#include "fetch/http.h"
#include "ipld/cid.h"
#include "store/store.h"

#define SOURCE_REQUEST_MAX (SOURCE_URL_MAX + 256)

struct source {
    uint32_t number; /* in frames and in the log */
    enum source_kind kind;
    struct store store;                /* SOURCE_STORE */
    char url[SOURCE_URL_MAX];          /* the others: without a last slash */
    struct curl_slist *fields;         /* of a request for a block, with the credentials */
    struct curl_slist *archive_fields; /* of one for an archive; NULL: it has none */
    bool no_archives;                  /* it was asked for one, and sent something else */
    struct health health;
};

struct sources {
    struct source list[SOURCES_MAX];
    size_t n;
};

/* Opens folders, reads token files. `why`: what is wrong with which. ERR_NOT_FOUND, ERR_USAGE, ERR_NOMEM, ERR_IO. */
err_t sources_open(const struct fetch_options *o, struct sources *ret, struct why *why);
/* Accepts a zeroed struct. */
void sources_done(struct sources *s);

/* The request for a block of a source that has a URL. `ret_url` is what ret->url points to. */
void source_request(const struct source *s, const struct cid *cid, char ret_url[static SOURCE_REQUEST_MAX],
                    struct http_request *ret);

/* The same for everything below `cid` as an archive (ipld/car.h). The source has `archive_fields`. */
void source_archive_request(const struct source *s, const struct cid *cid, char ret_url[static SOURCE_REQUEST_MAX],
                            struct http_request *ret);

/* A token file's text to a header field: one line of printable ASCII. "Basic abc" is sent as it stands, "abc" as
   "Bearer abc". Pure. ERR_USAGE. */
err_t source_authorization(struct view text, struct buf *out);

#endif
