/* What the files of the Open Inference Protocol share. */
#ifndef VERONNX_FRONT_OIP_H
#define VERONNX_FRONT_OIP_H

#include "front/oip_path.h"
#include "front/route.h"

/* The model of a request's path: its name, decoded, in INFER_MODEL_ID_MAX bytes, and what it stands for. ERR_NOT_FOUND
   for another version than 1, and the errors of model_resolve. */
err_t oip_model(struct app *app, const struct http_req *req, uint8_t *ret_name, size_t *ret_name_len,
                struct wire_model *ret, struct why *why);

/* oip_model.c */
void oip_metadata(struct app *app, struct http_req *req);
void oip_model_ready(struct app *app, struct http_req *req);
void oip_config(struct app *app, struct http_req *req);
void oip_stats(struct app *app, struct http_req *req);
/* With model-control; else ADMIN_ONLY. */
void oip_load(struct app *app, struct http_req *req);
void oip_unload(struct app *app, struct http_req *req);
/* Appends a member of `model_stats`. `m` NULL: the model has not been asked for. */
err_t oip_put_stats(struct buf *out, struct view name, const struct model *m);

/* Answers with what stands in `body`, which is taken, or with `e`. */
void oip_reply(struct http_req *req, err_t e, const struct why *why, struct buf *body);

#endif
