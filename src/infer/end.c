/* Ending. */
#include "infer/end.h"

#include "base/log.h"

#include <string.h>
#include <unistd.h>

void end_refusing(enum role peer, unsigned type, err_t e)
{
    log_event(LOG_PEER_REFUSED, peer, type, e);
    _exit(1);
}

void end_without_model(const struct wire_end *control, err_t reason, const struct why *why)
{
    struct msg_infer_failed failed = {.reason = (uint32_t)reason};
    const char *text = why->text[0] != '\0' ? why->text : err_text(reason);
    (void)wire_send_wait(control, MSG_INFER_FAILED, &failed, view_of(text, strlen(text)), NULL, 0);
    _exit(0);
}
