/* The log prints events and integers, at most 100 a second, and refuses records that are not of the sender. */
#include "base/log.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup_pair(int *ret_reader)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
    *ret_reader = fds[0];
    return fds[1];
}

#define TIME_US UINT64_C(1700000000123456)

static struct log_record model_failed(void)
{
    return (struct log_record){
        .event = LOG_MODEL_FAILED, .role = ROLE_SUPER, .count = 2, .args = {7, ERR_MODEL_NOT_ONNX}};
}

static void test_record(void **state)
{
    (void)state;
    int reader = -1;
    struct log_record r, want = model_failed();
    char line[LOG_LINE_MAX];
    log_setup(setup_pair(&reader), ROLE_SUPER);
    log_event(LOG_MODEL_FAILED, 7, ERR_MODEL_NOT_ONNX);
    assert_int_equal(recv(reader, &r, sizeof(r), 0), sizeof(r));
    assert_memory_equal(&r, &want, sizeof(r));
    assert_ok(log_format(&r, ROLE_SUPER, TIME_US, line));
    assert_string_equal(line, "2023-11-14T22:13:20.123456Z w super MODEL_FAILED infer=7 reason=MODEL_NOT_ONNX");
}

/* A process that was taken over once had all events and all bits of each integer to tell something to whoever reads the log. */
static void test_refused_records(void **state)
{
    (void)state;
    char line[LOG_LINE_MAX];
    struct log_record r = model_failed();
    assert_err(log_format(&r, ROLE_INFER, TIME_US, line), ERR_PROTOCOL); /* says that it is another */
    r.role = ROLE_INFER;
    assert_err(log_format(&r, ROLE_INFER, TIME_US, line), ERR_PROTOCOL); /* the event is another's */
    const struct log_record wrong[] = {
        {.event = LOG_COUNT_, .role = ROLE_SUPER, .count = 2},
        {.event = UINT16_MAX, .role = ROLE_SUPER},
        {.event = LOG_MODEL_FAILED, .role = ROLE_SUPER, .count = 1},
        {.event = LOG_MODEL_FAILED, .role = ROLE_SUPER, .count = 3},
        {.event = LOG_MODEL_FAILED, .role = ROLE_SUPER, .count = UINT32_MAX},
        {.event = LOG_MODEL_FAILED, .role = ROLE_SUPER, .count = 2, .args = {-1, 1}},
        {.event = LOG_MODEL_FAILED, .role = ROLE_SUPER, .count = 2, .args = {1L << 32, 1}},
        {.event = LOG_MODEL_FAILED, .role = ROLE_SUPER, .count = 2, .args = {1, ERR_COUNT_}},
        {.event = LOG_JAIL_FAILED, .role = ROLE_INFER, .count = 4, .args = {5, 256, 0, 0}},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_err(log_format(&wrong[i], wrong[i].role, TIME_US, line), ERR_PROTOCOL);
}

/* What infer may say at all. */
static void test_events_of_infer(void **state)
{
    (void)state;
    static const enum log_event own[] = {LOG_JAIL_FAILED, LOG_LOG_DROPPED, LOG_BLOCK_REFUSED, LOG_PEER_REFUSED};
    char line[LOG_LINE_MAX];
    size_t found = 0;
    for (unsigned event = 0; event < LOG_COUNT_; event++)
        for (unsigned count = 0; count <= LOG_MAX_ARGS; count++) {
            struct log_record r = {.event = (uint16_t)event, .role = ROLE_INFER, .count = count};
            if (log_format(&r, ROLE_INFER, TIME_US, line) == OK)
                assert_int_equal(event, own[found++]);
        }
    assert_int_equal(found, COUNT_OF(own));
}

/* A client knows its request by 16 hexadecimal digits; the log once showed the same bits as a signed decimal number. */
static void test_request_id(void **state)
{
    (void)state;
    char line[LOG_LINE_MAX];
    struct log_record r = {
        .event = LOG_REQUEST_FAILED, .role = ROLE_FRONT, .count = 4, .args = {-2, 503, ERR_QUEUE_FULL, 17}};
    assert_ok(log_format(&r, ROLE_FRONT, 0, line));
    assert_string_equal(line, "1970-01-01T00:00:00.000000Z i front REQUEST_FAILED request=fffffffffffffffe status=503 "
                              "reason=QUEUE_FULL us=17");
    r = (struct log_record){.event = LOG_REQUEST_DONE, .role = ROLE_FRONT, .count = 3, .args = {0x1a2b, 200, 5}};
    assert_ok(log_format(&r, ROLE_FRONT, 0, line));
    assert_string_equal(line, "1970-01-01T00:00:00.000000Z i front REQUEST_DONE request=0000000000001a2b status=200 us=5");
}

/* The largest integers of every event have room in a line: log_format would end the process otherwise. */
static void test_extremes_fit(void **state)
{
    (void)state;
    static const int64_t most[] = {INT64_MAX, UINT32_MAX, UINT8_MAX, ERR_COUNT_ - 1, ROLE_COUNT_ - 1};
    char line[LOG_LINE_MAX];
    for (unsigned event = 0; event < LOG_COUNT_; event++)
        for (unsigned count = 0; count <= LOG_MAX_ARGS; count++)
            for (enum role role = 0; role < ROLE_COUNT_; role++) {
                struct log_record r = {.event = (uint16_t)event, .role = (uint16_t)role, .count = count};
                if (log_format(&r, role, UINT64_C(253402300799999999), line) != OK)
                    continue;
                for (unsigned i = 0; i < count; i++)
                    for (size_t k = 0; k == 0 || (k < COUNT_OF(most) && log_format(&r, role, TIME_US, line) != OK); k++)
                        r.args[i] = most[k];
                assert_ok(log_format(&r, role, UINT64_C(253402300799999999), line));
            }
}

static unsigned count_of(int reader, enum log_event event)
{
    struct log_record r;
    unsigned got = 0;
    while (recv(reader, &r, sizeof(r), MSG_DONTWAIT) == (ssize_t)sizeof(r))
        got += r.event == event;
    return got;
}

/* The second may change once meanwhile. */
static void test_rate(void **state)
{
    (void)state;
    int reader = -1;
    log_setup(setup_pair(&reader), ROLE_FRONT);
    for (unsigned i = 0; i < 1000; i++)
        log_event(LOG_KEEPER_SLOW, 0);
    assert_in_range(count_of(reader, LOG_KEEPER_SLOW), 1, 200);
}

/* A flood of requests leaves room for a warning. */
static void test_requests_leave_room(void **state)
{
    (void)state;
    int reader = -1;
    (void)usleep(1000000);
    log_setup(setup_pair(&reader), ROLE_FRONT);
    for (unsigned i = 0; i < 1000; i++)
        log_event(LOG_REQUEST_DONE, 1, 200, 5);
    log_event(LOG_PEER_REFUSED, 5, 0, ERR_PROTOCOL);
    assert_int_equal(count_of(reader, LOG_PEER_REFUSED), 1);
}

static void test_errors_have_names(void **state)
{
    (void)state;
    struct why why;
    assert_string_equal(err_name(ERR_MODEL_NOT_FOUND), "MODEL_NOT_FOUND");
    assert_int_equal(err_http(ERR_MODEL_NOT_FOUND), 404);
    assert_string_equal(err_name((err_t)100000), "INTERNAL");
    assert_int_equal((int)err_from_wire(UINT32_MAX), ERR_INTERNAL);
    assert_int_equal((int)err_from_wire(ERR_TIMEOUT), ERR_TIMEOUT);
    for (unsigned e = 1; e < ERR_COUNT_; e++) {
        assert_in_range(err_http((err_t)e), 400, 599);
        assert_true(strlen(err_text((err_t)e)) > 0);
    }
    assert_err(why_set(&why, ERR_FIELD_TYPE, "%0500d", 1), ERR_FIELD_TYPE);
    assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
    assert_err(why_set(NULL, ERR_FIELD_TYPE, "x"), ERR_FIELD_TYPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_refused_records),
        cmocka_unit_test(test_events_of_infer),
        cmocka_unit_test(test_request_id),
        cmocka_unit_test(test_extremes_fit),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_requests_leave_room),
        cmocka_unit_test(test_errors_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
