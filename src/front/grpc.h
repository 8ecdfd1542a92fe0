/* gRPC over HTTP/2: which requests are its, its statuses, and what its functions share.
   github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
#ifndef VERONNX_FRONT_GRPC_H
#define VERONNX_FRONT_GRPC_H

#include "front/route.h"

#define GRPC_TYPE "application/grpc"

/* Whether its content type says so. */
bool grpc_is(const struct http_req *req);
/* At on_head: refusals are gRPC's from here on. False: it has been answered. */
bool grpc_begin(struct http_req *req);
/* The method of that path; NULL: there is none. */
const struct route *grpc_route(struct view path);

/* The one message of a request's body, decompressed into `plain` (which `codec` has made) if it was compressed.
   ERR_TRUNCATED, ERR_MALFORMED, ERR_MEDIA_TYPE, ERR_BAD_ENCODING, ERR_BODY_TOO_LARGE, ERR_OVERLOADED, ERR_NOMEM. */
err_t grpc_read(struct app *app, struct http_req *req, struct body *codec, struct buf *plain, struct view *ret,
                struct why *why);
/* grpc_read and grpc_unpack of a short message. */
err_t grpc_ask(struct app *app, struct http_req *req, const ProtobufCMessageDescriptor *type, struct grpc_memory *m,
               ProtobufCMessage **ret, struct why *why);
/* Answers with a message, which is taken, or with `e`. */
void grpc_reply(struct http_req *req, err_t e, const struct why *why, struct buf *framed);
/* Type and status of a good answer. */
void grpc_dress(struct call *c, struct http_answer *a, char text[static CALL_TEXT_SIZE]);

/* ── grpc_calls.c, grpc_model.c: the methods ── */

void grpc_model_infer(struct app *app, struct http_req *req);
/* The same for a message of a stream, whose request is not the client's own. */
void grpc_stream_message(struct app *app, struct http_req *req);
void grpc_model_ready(struct app *app, struct http_req *req);
void grpc_model_metadata(struct app *app, struct http_req *req);
void grpc_model_config(struct app *app, struct http_req *req);
void grpc_model_statistics(struct app *app, struct http_req *req);
void grpc_repository_index(struct app *app, struct http_req *req);
/* With model-control; else ADMIN_ONLY. */
void grpc_model_load(struct app *app, struct http_req *req);
void grpc_model_unload(struct app *app, struct http_req *req);

/* How the answer to a call may be compressed: as the call was, which shows that it pays on its way, if the client says
   that it takes that. */
enum coding grpc_coding(const struct http_req *req);
/* Compresses a framed message in place when that is worth it; whether it was. */
bool grpc_pack(enum coding coding, struct buf *framed);

/* ── grpc_watch.c ── */

/* The service that a message of the health service names; ERR_NOT_FOUND: it is not here. */
err_t grpc_health_service(struct app *app, struct http_req *req, struct why *why);
bool grpc_is_ready(const struct app *app);
void grpc_watch_head(struct http_req *req);
void grpc_watch(struct app *app, struct http_req *req);
void grpc_watch_part(struct app *app, struct http_req *req);
void grpc_watch_gone(struct http_req *req);

/* ── grpc_stream.c ── */

void grpc_stream_head(struct http_req *req);
void grpc_stream_part(struct app *app, struct http_req *req);
void grpc_stream_end(struct app *app, struct http_req *req);
void grpc_stream_gone(struct http_req *req);
/* Appends a framed ModelStreamInferResponse; the errors of oip_answer_write. */
err_t grpc_stream_write(const struct grpc_infer *g, struct view model_name, const struct value_set *outputs,
                        struct view area, struct buf *out, struct why *why);

#endif
