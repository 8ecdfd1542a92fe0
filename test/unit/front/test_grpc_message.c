/* Frames of gRPC, and protobuf-c inside a bound. */
#include "front/grpc_message.h"

#include <health.pb-c.h>
#include <inference.pb-c.h>

#include "unit.h"

#define VIEW(literal) view_of(literal, sizeof(literal) - 1)

static void test_frames(void **state)
{
    struct view in = VIEW("\0\0\0\0\3abc\1\0\0\0\0rest");
    struct view message = {0};
    bool compressed = true;
    (void)state;
    assert_ok(grpc_frame_take(&in, &compressed, &message));
    assert_view(message, VIEW("abc"));
    assert_false(compressed);
    assert_ok(grpc_frame_take(&in, &compressed, &message));
    assert_int_equal(message.len, 0);
    assert_true(compressed);
    assert_view(in, VIEW("rest"));
}

static void test_bad_frames(void **state)
{
    static const struct {
        struct view in;
        err_t e;
    } rows[] = {
        {{NULL, 0}, ERR_TRUNCATED},
        {{(const uint8_t *)"\0\0\0\0", 4}, ERR_TRUNCATED},
        {{(const uint8_t *)"\0\0\0\0\1", 5}, ERR_TRUNCATED},
        {{(const uint8_t *)"\1\0\0\0\4abc", 8}, ERR_TRUNCATED},
        {{(const uint8_t *)"\0\xff\xff\xff\xff"
                           "abc",
          8},
         ERR_TRUNCATED},
        {{(const uint8_t *)"\2\0\0\0\0", 5}, ERR_MALFORMED},
        {{(const uint8_t *)"\x80\0\0\0\1a", 6}, ERR_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct view in = rows[i].in, message = VIEW("unchanged");
        bool compressed = false;
        assert_err(grpc_frame_take(&in, &compressed, &message), rows[i].e);
        assert_view(in, rows[i].in);
    }
}

static void test_prefix(void **state)
{
    uint8_t prefix[GRPC_PREFIX];
    (void)state;
    grpc_prefix(prefix, 0x01020304);
    assert_memory_equal(prefix, "\0\1\2\3\4", GRPC_PREFIX);
}

/* ModelRequest, by the published field numbers: name 1, version 2. */
static const char request[] = "\x0a\x05model\x12\x01"
                              "1";

static void test_unpack(void **state)
{
    struct grpc_memory m = {.left = 4 * KIB};
    ProtobufCMessage *got = NULL;
    (void)state;
    assert_ok(grpc_unpack(&inference__model_request__descriptor, VIEW(request), &m, &got));
    assert_view(grpc_view(((const Inference__ModelRequest *)got)->name), VIEW("model"));
    assert_view(grpc_view(((const Inference__ModelRequest *)got)->version), VIEW("1"));
    assert_true(m.left < 4 * KIB);
    grpc_free(&got, &m);
    assert_null(got);
    assert_int_equal(m.left, 4 * KIB);
    grpc_free(&got, &m); /* accepts NULL */
}

static void test_bad_messages(void **state)
{
    static const char *const rows[] = {"\x0a", "\x0a\x05mode", "\x0a\xff\xff\xff\xff\x7f", "\x0b", "\xff\xff", "\x80"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct grpc_memory m = {.left = 4 * KIB};
        ProtobufCMessage *got = NULL;
        assert_err(grpc_unpack(&inference__model_request__descriptor, text_view(rows[i]), &m, &got), ERR_MALFORMED);
        assert_null(got);
        assert_int_equal(m.left, 4 * KIB);
    }
}

/* Every bound below what is needed is TOO_LARGE, and every allocation that fails NOMEM; all is given back. */
static void test_bounds(void **state)
{
    (void)state;
    err_t e = ERR_TOO_LARGE;
    for (size_t left = 0; e == ERR_TOO_LARGE; left++) {
        struct grpc_memory m = {.left = left};
        ProtobufCMessage *got = NULL;
        assert_true(left < KIB);
        e = grpc_unpack(&inference__model_request__descriptor, VIEW(request), &m, &got);
        grpc_free(&got, &m);
        assert_int_equal(m.left, left);
    }
    assert_ok(e);
    e = ERR_NOMEM;
    for (long n = 0; e == ERR_NOMEM; n++) {
        struct grpc_memory m = {.left = 4 * KIB};
        ProtobufCMessage *got = NULL;
        assert_true(n < 20);
        mem_fail_after(n);
        e = grpc_unpack(&inference__model_request__descriptor, VIEW(request), &m, &got);
        mem_fail_after(-1);
        grpc_free(&got, &m);
        assert_int_equal(m.left, 4 * KIB);
    }
    assert_ok(e);
}

static void test_put(void **state)
{
    Inference__ServerLiveResponse live = INFERENCE__SERVER_LIVE_RESPONSE__INIT;
    Inference__ServerLiveResponse dead = INFERENCE__SERVER_LIVE_RESPONSE__INIT;
    AUTO_BUF struct buf out = BUF_WITH(13);
    (void)state;
    live.live = true;
    assert_ok(grpc_put_framed(&live.base, &out));
    assert_ok(grpc_put_framed(&dead.base, &out));
    assert_view(buf_view(&out), VIEW("\0\0\0\0\2\x08\1\0\0\0\0\0"));
    assert_err(grpc_put(&live.base, &out), ERR_TOO_LARGE);
    assert_int_equal(out.len, 12);
    AUTO_BUF struct buf none = BUF_WITH(13);
    mem_fail_after(0);
    err_t e = grpc_put_framed(&live.base, &none);
    mem_fail_after(-1);
    assert_err(e, ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames), cmocka_unit_test(test_bad_frames),   cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_unpack), cmocka_unit_test(test_bad_messages), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
