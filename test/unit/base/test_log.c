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

static void test_record(void **state)
{
    (void)state;
    int reader = -1;
    struct log_record r;
    char text[512];
    log_setup(setup_pair(&reader), 3);
    log_event(LOG_MODEL_FAILED, 7, ERR_MODEL_NOT_ONNX);
    assert_int_equal(recv(reader, &r, sizeof(r), 0), sizeof(r));
    r.wall_us = UINT64_C(1700000000123456);
    assert_ok(log_format(&r, 3, "infer", text, sizeof(text)));
    assert_string_equal(text, "2023-11-14T22:13:20.123456Z w infer MODEL_FAILED infer=7 reason=MODEL_NOT_ONNX");
    assert_err(log_format(&r, 4, "infer", text, sizeof(text)), ERR_PROTOCOL);
    r.event = LOG_COUNT_;
    assert_err(log_format(&r, 3, "infer", text, sizeof(text)), ERR_PROTOCOL);
    r.event = LOG_MODEL_FAILED;
    r.count = LOG_MAX_ARGS + 1;
    assert_err(log_format(&r, 3, "infer", text, sizeof(text)), ERR_PROTOCOL);
}

/* A client knows its request by 16 hexadecimal digits; the log once showed the same bits as a signed decimal number. */
static void test_request_id(void **state)
{
    (void)state;
    char text[512];
    struct log_record r = {.event = LOG_REQUEST_FAILED, .role = 3, .count = 4, .args = {-2, 503, ERR_QUEUE_FULL, 17}};
    assert_ok(log_format(&r, 3, "front", text, sizeof(text)));
    assert_string_equal(text, "1970-01-01T00:00:00.000000Z i front REQUEST_FAILED request=fffffffffffffffe status=503 "
                              "reason=QUEUE_FULL us=17");
    r = (struct log_record){.event = LOG_REQUEST_DONE, .role = 3, .count = 3, .args = {0x1a2b, 200, -1}};
    assert_ok(log_format(&r, 3, "front", text, sizeof(text)));
    assert_string_equal(text,
                        "1970-01-01T00:00:00.000000Z i front REQUEST_DONE request=0000000000001a2b status=200 us=-1");
}

static void test_extremes_fit(void **state)
{
    (void)state;
    char text[512];
    for (unsigned event = 0; event < LOG_COUNT_; event++) {
        struct log_record r = {.event = (uint16_t)event, .role = 1, .count = LOG_MAX_ARGS};
        for (unsigned i = 0; i < LOG_MAX_ARGS; i++)
            r.args[i] = INT64_MIN;
        assert_ok(log_format(&r, 1, "super", text, sizeof(text)));
        assert_true(strlen(text) < sizeof(text));
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
    log_setup(setup_pair(&reader), 3);
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
    log_setup(setup_pair(&reader), 3);
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
        cmocka_unit_test(test_request_id),
        cmocka_unit_test(test_extremes_fit),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_requests_leave_room),
        cmocka_unit_test(test_errors_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
