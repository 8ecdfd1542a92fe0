/* What the files about calls share, beside app.h (calls.c): what a call has of the table and of its lane. */
#ifndef VERONNX_FRONT_CALL_PARTS_H
#define VERONNX_FRONT_CALL_PARTS_H

#include "front/app.h"

#define CALL_NEVER_MS UINT64_MAX

/* The next job number. ERR_QUEUE_FULL. */
err_t call_take_seat(struct call *c);
/* Accepts a call that has none. */
void call_leave_seat(struct call *c);

/* A slot of a lane that has room. */
void call_take_slot(struct call *c, struct lane *l);
/* Gives back the slot, or what was expected after it; accepts a call that has no lane. */
void call_leave_lane(struct call *c);

/* It does not run, nor wait for a worker, any more. */
void call_end_run(struct call *c);

/* As far as one can tell a worker takes it at this time; its deadline follows from that. */
void call_get_worker(struct call *c, uint64_t now_ms);
/* Of a job that infer has. May fail the lane. */
void call_cancel(struct call *c);
/* The tensors that were converted while it waited. */
void call_drop_tensors(struct call *c);

#endif
