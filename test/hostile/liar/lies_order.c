/* What a front can try with nonces, numbers, tickets without jobs, and other messages. */
#include "liar.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ── (c) nonces ── */

static void swap_nonces(struct liar *l, char **cids)
{
    const struct wire_nonce nonces[] = {NO_NONCE, liar_nonce(1, 16), liar_nonce(1, 17), liar_nonce(2, 16)};
    for (size_t n = 0; n < COUNT_OF(nonces); n++) {
        AUTO_LANE a = {0};
        liar_load(l, cids[0], &a);
        (void)liar_input(l, &a, 0, 4096);
        uint64_t job = liar_next_job(l);
        liar_ticket(l, a.infer, job, nonces[n]);
        liar_job(l, &a, 0, job, nonces[(n + 1) % COUNT_OF(nonces)], 64);
        liar_infer_ends(l, &a);
        liar_no_receipt(l);
    }
}

static void short_nonce(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[0], &a);
    uint64_t job = liar_next_job(l);
    liar_job(l, &a, 0, job, liar_nonce(1, 15), 64);
    liar_infer_ends(l, &a);
    lane_done(&a);
    liar_load(l, cids[0], &a);
    liar_ticket(l, a.infer, job, liar_nonce(1, 15));
    liar_job(l, &a, 0, job, liar_nonce(1, 15), 64);
    liar_killed(l);
}

/* ── (d) replays ── */

/* One ticket, one report: the job that is run again costs infer its life, whatever the input is now. */
static void replay_job(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    AUTO(outcome_done) struct outcome o = {0};
    AUTO(got_done) struct got g = {0};
    liar_load(l, cids[0], &a);
    float *x = liar_input(l, &a, 0, 4096);
    x[0] = 1;
    uint64_t job = liar_next_job(l);
    liar_ticket(l, a.infer, job, NO_NONCE);
    liar_job(l, &a, 0, job, NO_NONCE, 64);
    EXPECT(l, liar_result(l, &a, &o) && liar_receipt(l, &g));
    liar_check(l, &a, &o, &g, NO_NONCE);
    x[0] = 2;
    liar_job(l, &a, 0, job, NO_NONCE, 64);
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
}

/* Two slots, two inputs, one number, at the same time: one of the two runs has the receipt, and it says which. */
static void twin_jobs(struct liar *l, char **cids)
{
    enum { COUNT = 1 << 16 };
    static float twos[COUNT], fours[COUNT];
    AUTO_LANE a = {0};
    AUTO(got_done) struct got g = {0};
    liar_fill(twos, COUNT, 2);
    liar_fill(fours, COUNT, 4);
    liar_load(l, cids[1], &a);
    liar_fill(liar_input(l, &a, 0, sizeof(twos)), COUNT, 1);
    liar_fill(liar_input(l, &a, 1, sizeof(fours)), COUNT, 2);
    uint64_t job = liar_next_job(l);
    liar_ticket(l, a.infer, job, NO_NONCE);
    liar_job(l, &a, 0, job, NO_NONCE, COUNT);
    liar_job(l, &a, 1, job, NO_NONCE, COUNT);
    EXPECT(l, liar_receipt(l, &g) && g.job == job);
    EXPECT(l, liar_matches(l, &a, twos, COUNT, &g, NO_NONCE) != liar_matches(l, &a, fours, COUNT, &g, NO_NONCE));
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
}

static void replay_ticket(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[0], &a);
    liar_honest_job(l, &a, 64, 1);
    liar_ticket(l, a.infer, l->last_job, NO_NONCE);
    liar_job(l, &a, 0, l->last_job, NO_NONCE, 64);
    liar_killed(l);
}

/* ── (e) two models ── */

/* A ticket for one, the job to the other: no receipt, and the one that was not asked works on. */
static void mix_models(struct liar *l, char **cids)
{
    AUTO_LANE a = {0}, b = {0};
    liar_load(l, cids[0], &a);
    liar_load(l, cids[1], &b);
    uint64_t job = liar_next_job(l);
    liar_ticket(l, a.infer, job, NO_NONCE);
    liar_job(l, &b, 0, job, NO_NONCE, 1024);
    liar_infer_ends(l, &b);
    liar_no_receipt(l);
    liar_honest_job(l, &a, 1024, 4);
    /* both get the job, one has the ticket: its receipt names it, and the other one ends */
    AUTO_LANE c = {0};
    AUTO(outcome_done) struct outcome o = {0};
    AUTO(got_done) struct got g = {0};
    liar_load(l, cids[1], &c);
    job = liar_next_job(l);
    liar_ticket(l, a.infer, job, NO_NONCE);
    liar_job(l, &c, 0, job, NO_NONCE, 1024);
    liar_infer_ends(l, &c);
    liar_job(l, &a, 0, job, NO_NONCE, 1024);
    EXPECT(l, liar_result(l, &a, &o) && liar_receipt(l, &g));
    liar_check(l, &a, &o, &g, NO_NONCE);
}

/* ── (f) numbers ── */

/* Jobs may come in any order once their tickets have come in theirs. */
static void jobs_backwards(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    uint64_t jobs[10];
    liar_load(l, cids[0], &a);
    for (size_t n = 0; n < COUNT_OF(jobs); n++) {
        jobs[n] = liar_next_job(l);
        liar_ticket(l, a.infer, jobs[n], liar_nonce((uint8_t)n, 16));
    }
    for (size_t n = COUNT_OF(jobs); n-- > 0;) {
        AUTO(outcome_done) struct outcome o = {0};
        AUTO(got_done) struct got g = {0};
        liar_input(l, &a, 0, 4096)[0] = (float)n;
        liar_job(l, &a, 0, jobs[n], liar_nonce((uint8_t)n, 16), 64);
        EXPECT(l, liar_result(l, &a, &o) && liar_receipt(l, &g) && g.job == jobs[n]);
        liar_check(l, &a, &o, &g, liar_nonce((uint8_t)n, 16));
    }
}

static void tell_ticket(struct liar *l, const char *cid, uint64_t job)
{
    AUTO_LANE a = {0};
    liar_load(l, cid, &a);
    liar_honest_job(l, &a, 64, 1);
    liar_ticket(l, a.infer, job, NO_NONCE);
    liar_job(l, &a, 0, job, NO_NONCE, 64);
    liar_killed(l);
}

static void number_falls(struct liar *l, char **cids)
{
    l->last_job += 1000;
    tell_ticket(l, cids[0], l->last_job - 500);
}

static void number_of_the_next_front(struct liar *l, char **cids)
{
    tell_ticket(l, cids[0], (uint64_t)(l->generation + 1) << 48 | 1);
}

static void number_of_the_last_front(struct liar *l, char **cids)
{
    tell_ticket(l, cids[0], (uint64_t)(l->generation - 1) << 48 | UINT32_MAX);
}

/* ── (g) one without the other ── */

static void job_without_ticket(struct liar *l, char **cids)
{
    AUTO_LANE a = {0}, b = {0};
    liar_load(l, cids[0], &a);
    liar_load(l, cids[1], &b);
    liar_job(l, &a, 0, liar_next_job(l), NO_NONCE, 64);
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
    liar_honest_job(l, &b, 1024, 5);
}

/* More than the keeper keeps: the infer that never reports them makes room with its end. Jobs of the other make the keeper look. */
static void tickets_without_jobs(struct liar *l, char **cids)
{
    AUTO_LANE a = {0}, b = {0};
    liar_load(l, cids[0], &a);
    liar_load(l, cids[1], &b);
    for (unsigned n = 0; n < 8; n++) {
        for (unsigned k = 0; k < 150; k++)
            liar_ticket(l, a.infer, liar_next_job(l), NO_NONCE);
        liar_honest_job(l, &b, 1024, (float)n);
    }
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
    liar_honest_job(l, &b, 1024, 1);
}

/* Tickets that stay when this front goes: its successor is not to suffer from them. */
static void tickets_left_behind(struct liar *l, char **cids)
{
    AUTO_LANE a = {0}, b = {0};
    liar_load(l, cids[0], &a);
    liar_load(l, cids[1], &b);
    for (unsigned n = 1; n < 1024; n++) {
        liar_ticket(l, a.infer, liar_next_job(l), NO_NONCE);
        if (n % 100 == 0)
            liar_honest_job(l, &b, 1024, (float)n);
    }
    liar_honest_job(l, &b, 1024, 1);
    liar_ticket(l, a.infer, liar_next_job(l), NO_NONCE); /* now they are 1,024 */
    liar_say(l, "ending");
    _exit(0);
}

/* ── other messages ── */

static void send_raw(const struct wire_end *end, uint16_t type, const void *fixed, size_t len, unsigned n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 10)];
    } control = {0};
    struct wire_head head = {type, (uint16_t)n_fds, (uint32_t)len};
    struct iovec parts[] = {{&head, sizeof(head)}, {(void *)(uintptr_t)fixed, len}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
    if (n_fds > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(int) * n_fds), SOL_SOCKET, SCM_RIGHTS};
        memset(CMSG_DATA(c), 0, sizeof(int) * n_fds); /* descriptor 0 */
    }
    (void)!sendmsg(end->fd, &msg, MSG_NOSIGNAL);
}

/* What infer would say to the keeper, on the front's channel. */
static void forge_report(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[0], &a);
    uint64_t job = liar_next_job(l);
    struct msg_report r = {.job = job};
    liar_ticket(l, a.infer, job, NO_NONCE);
    send_raw(&l->ticket, MSG_REPORT, &r, sizeof(r), 0);
    liar_job(l, &a, 0, job, NO_NONCE, 64); /* its report makes the keeper look */
    liar_killed(l);
}

static void forge_receipt(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    struct msg_empty r = {0};
    liar_load(l, cids[0], &a);
    send_raw(&l->ticket, MSG_RECEIPTS, &r, sizeof(r), 0);
    liar_job(l, &a, 0, liar_next_job(l), NO_NONCE, 64);
    liar_killed(l);
}

static void many_descriptors(struct liar *l, char **cids)
{
    struct msg_tls_sign sign = {0};
    (void)cids;
    send_raw(&l->sign, MSG_TLS_SIGN, &sign, sizeof(sign), 10);
    liar_killed(l);
}

static void sign_a_root(struct liar *l, char **cids)
{
    static const char text[] = "\x84\x6aSignature1";
    struct msg_tls_sign sign = {0};
    (void)cids;
    EXPECT(l, wire_send(&l->sign, MSG_TLS_SIGN, &sign, view_of(text, sizeof(text)), NULL, 0) == OK);
    liar_killed(l);
}

/* ── what else the TLS key could be made to say ── */

/* The channel ends, and nothing came on it. */
static NORETURN void sign_text(struct liar *l, const void *text, size_t len)
{
    struct msg_tls_sign sign = {0};
    uint8_t byte = 0;
    EXPECT(l, wire_send(&l->sign, MSG_TLS_SIGN, &sign, view_of(text, len), NULL, 0) == OK);
    EXPECT(l, recv(l->sign.fd, &byte, sizeof(byte), 0) <= 0);
    liar_killed(l);
}

/* The beginning of a certificate's TBSCertificate, of the length of a handshake's text. */
static void sign_a_certificate(struct liar *l, char **cids)
{
    static const uint8_t text[130] = {0x30, 0x7F, 0xA0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x07, 0x30, 0x0A, 0x06,
                                      0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02, 0x30, 0x0D, 0x31, 0x0B};
    (void)cids;
    sign_text(l, text, sizeof(text));
}

/* A CertificationRequestInfo without attributes, for no key at all. */
static void sign_a_request(struct liar *l, char **cids)
{
    static const uint8_t text[] = {0x30, 0x0E, 0x02, 0x01, 0x00, 0x30, 0x00, 0x30, 0x05, 0x30,
                                   0x00, 0x03, 0x01, 0x00, 0xA0, 0x00};
    (void)cids;
    sign_text(l, text, sizeof(text));
}

/* ServerKeyExchange (RFC 8422 §5.4): both randoms, a named curve, a point. */
static void sign_tls_1_2(struct liar *l, char **cids)
{
    uint8_t text[32 + 32 + 4 + 65];
    (void)cids;
    memset(text, 0x20, sizeof(text));
    memcpy(text + 64, (const uint8_t[]){3, 0, 23, 65, 4}, 5);
    sign_text(l, text, sizeof(text));
}

/* RFC 8446 §4.4.3, but of a client. */
static void sign_as_client(struct liar *l, char **cids)
{
    static const char context[] = "TLS 1.3, client CertificateVerify";
    uint8_t text[64 + sizeof(context) + 32];
    (void)cids;
    memset(text, 0x20, sizeof(text));
    memcpy(text + 64, context, sizeof(context));
    sign_text(l, text, sizeof(text));
}

/* Only the supervisor may ask for these: the keeper takes none of them on a front's channels, nor the supervisor on its own. */
static void ask_for_a_request(struct liar *l, char **cids)
{
    struct msg_keeper_ask csr = {.request = 1};
    (void)cids;
    send_raw(&l->sign, MSG_KEEPER_ASK_CSR, &csr, sizeof(csr), 0);
    liar_killed(l);
}

static void install(struct liar *l, char **cids)
{
    struct msg_keeper_ask certificate = {.request = 1};
    (void)cids;
    send_raw(&l->control, MSG_ADMIN_INSTALL, &certificate, sizeof(certificate), 0);
    liar_killed(l);
}

/* ── settlements ── */

static void ask_for_a_heartbeat(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    struct msg_keeper_ask beat = {.request = 1};
    liar_load(l, cids[0], &a);
    send_raw(&l->ticket, MSG_KEEPER_ASK_HEARTBEAT, &beat, sizeof(beat), 0);
    liar_job(l, &a, 0, liar_next_job(l), NO_NONCE, 64); /* its report makes the keeper look */
    liar_killed(l);
}

/* Hashes of its own. */
static void forge_settlement(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[0], &a);
    struct msg_settlement s = {.job = liar_next_job(l), .timestamp = 1747000000};
    liar_ticket(l, a.infer, s.job, NO_NONCE);
    send_raw(&l->ticket, MSG_SETTLEMENT, &s, sizeof(s), 0);
    liar_job(l, &a, 0, s.job, NO_NONCE, 64);
    liar_killed(l);
}

static void odd_settlement(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[0], &a);
    struct msg_ticket t = {.job = liar_next_job(l), .infer = a.infer, .settle = 2};
    EXPECT(l, wire_send(&l->ticket, MSG_TICKET, &t, view_of(NULL, 0), NULL, 0) == OK);
    liar_job(l, &a, 0, t.job, NO_NONCE, 64);
    liar_killed(l);
}

/* The nonce is a part of what is settled: one that infer did not get settles nothing. */
static void settle_another_nonce(struct liar *l, char **cids)
{
    AUTO_LANE a = {0}, b = {0};
    liar_load(l, cids[0], &a);
    liar_load(l, cids[1], &b);
    struct msg_ticket t = {.job = liar_next_job(l), .infer = a.infer, .settle = 1, .nonce = liar_nonce(1, 32)};
    EXPECT(l, wire_send(&l->ticket, MSG_TICKET, &t, view_of(NULL, 0), NULL, 0) == OK);
    liar_job(l, &a, 0, t.job, liar_nonce(2, 32), 64);
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
    liar_honest_job(l, &b, 1024, 5);
}

static void odd_model(struct liar *l, char **cids)
{
    struct msg_front_load load = {.request = 1, .model = {.cid_len = 200}};
    (void)cids;
    EXPECT(l, wire_send(&l->control, MSG_FRONT_LOAD, &load, view_of(NULL, 0), NULL, 0) == OK);
    liar_killed(l);
}

/* Only with model-control may a front have models go. */
static void unload(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    const struct msg_front_load unload = {.model = {.cid_len = 0}};
    liar_load(l, cids[0], &a);
    EXPECT(l, wire_send(&l->control, MSG_FRONT_UNLOAD, &unload, view_of(NULL, 0), NULL, 0) == OK);
    liar_killed(l);
}

static void out_of_state(struct liar *l, char **cids)
{
    const struct msg_empty none = {0};
    (void)cids;
    EXPECT(l, wire_send(&l->control, MSG_FRONT_DRAINED, &none, view_of(NULL, 0), NULL, 0) == OK);
    liar_killed(l);
}

/* An infer that is said to hang is ended; nothing of it comes as a receipt. */
static void slander(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[1], &a);
    struct msg_front_infer hung = {.infer = a.infer};
    EXPECT(l, wire_send(&l->control, MSG_FRONT_HUNG, &hung, view_of(NULL, 0), NULL, 0) == OK);
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
    for (uint32_t infer = 0; infer < 10000; infer += 1000) {
        struct msg_front_infer unknown = {.infer = infer};
        EXPECT(l, wire_send_wait(&l->control, MSG_FRONT_RELEASED, &unknown, view_of(NULL, 0), NULL, 0) == OK);
        EXPECT(l, wire_send_wait(&l->control, MSG_FRONT_ACTIVE, &unknown, view_of(NULL, 0), NULL, 0) == OK);
    }
}

static void odd_activity(struct liar *l, char **cids)
{
    const struct msg_front_active odd = {.slow = 2};
    (void)cids;
    EXPECT(l, wire_send(&l->control, MSG_FRONT_ACTIVE, &odd, view_of(NULL, 0), NULL, 0) == OK);
    liar_killed(l);
}

const struct lie order_lies[] = {
    {"swap-nonces", swap_nonces},
    {"short-nonce", short_nonce},
    {"replay-job", replay_job},
    {"twin-jobs", twin_jobs},
    {"replay-ticket", replay_ticket},
    {"mix-models", mix_models},
    {"jobs-backwards", jobs_backwards},
    {"number-falls", number_falls},
    {"number-of-the-next-front", number_of_the_next_front},
    {"number-of-the-last-front", number_of_the_last_front},
    {"job-without-ticket", job_without_ticket},
    {"tickets-without-jobs", tickets_without_jobs},
    {"tickets-left-behind", tickets_left_behind},
    {"forge-report", forge_report},
    {"forge-receipt", forge_receipt},
    {"many-descriptors", many_descriptors},
    {"sign-a-root", sign_a_root},
    {"sign-a-certificate", sign_a_certificate},
    {"sign-a-request", sign_a_request},
    {"sign-tls-1.2", sign_tls_1_2},
    {"sign-as-client", sign_as_client},
    {"ask-for-a-request", ask_for_a_request},
    {"install", install},
    {"ask-for-a-heartbeat", ask_for_a_heartbeat},
    {"forge-settlement", forge_settlement},
    {"odd-settlement", odd_settlement},
    {"settle-another-nonce", settle_another_nonce},
    {"odd-model", odd_model},
    {"unload", unload},
    {"out-of-state", out_of_state},
    {"odd-activity", odd_activity},
    {"slander", slander},
    {NULL, NULL},
};
