/* Who holds a front, and when it goes. */
#include "infer/seat.h"

#include "../unit.h"

#include <errno.h>
#include <fcntl.h>

static struct front *make(int ret_fds[2])
{
    struct wire_end job, cancel, a, b;
    struct front *f = NULL;
    assert_ok(wire_pair(CHAN_JOB, &a, &job));
    assert_ok(wire_pair(CHAN_CANCEL, &b, &cancel));
    wire_end_close(&a);
    wire_end_close(&b);
    ret_fds[0] = job.fd;
    ret_fds[1] = cancel.fd;
    assert_ok(front_new(&job.fd, &cancel.fd, &f));
    assert_int_equal(job.fd, -1);
    return f;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}

static void the_last_holder_closes_it(void **state UNUSED)
{
    struct seat s;
    int fds[2];
    seat_init(&s);
    struct front *f = make(fds); /* held by us */
    seat_put(&s, f);             /* and by the seat */
    assert_ptr_equal(seat_enter(&s), f);
    assert_ptr_equal(seat_enter(&s), f);
    seat_leave(&s, f); /* a worker and the seat */
    seat_let_go(&s, f);
    assert_true(is_open(fds[0]) && is_open(fds[1]));
    assert_false(atomic_load(&f->dead));
    seat_leave(&s, f); /* the other worker: it has lost the seat already */
    assert_false(is_open(fds[0]) || is_open(fds[1]));
}

static void the_old_front_is_left_first(void **state UNUSED)
{
    struct seat s;
    int first_fds[2], second_fds[2];
    seat_init(&s);
    struct front *first = make(first_fds), *second = make(second_fds);
    seat_put(&s, first);
    seat_let_go(&s, first);
    seat_put(&s, second); /* before any worker has entered the first */
    assert_true(atomic_load(&first->dead));
    assert_false(atomic_load(&second->dead));
    assert_ptr_equal(seat_enter(&s), first);
    assert_ptr_equal(seat_enter(&s), first);
    seat_leave(&s, first);
    assert_true(is_open(first_fds[0])); /* the other worker still has a job of it */
    assert_ptr_equal(seat_enter(&s), second);
    seat_leave(&s, first);
    assert_false(is_open(first_fds[0]));
    seat_leave(&s, second);
    assert_true(is_open(second_fds[0]));
    seat_let_go(&s, second);
    assert_false(is_open(second_fds[0]));
}

static void one_worker_is_sent_to_warm_up(void **state UNUSED)
{
    struct seat s;
    int fds[2];
    seat_init(&s);
    assert_true(seat_empty(&s));
    seat_warm(&s);
    assert_null(seat_enter(&s));
    seat_warm(&s);
    struct front *f = make(fds);
    seat_put(&s, f);
    assert_false(seat_empty(&s));
    assert_null(seat_enter(&s)); /* also when a front was faster: it is answered */
    assert_ptr_equal(seat_enter(&s), f);
    seat_leave(&s, f);
    seat_let_go(&s, f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_holder_closes_it),
        cmocka_unit_test(the_old_front_is_left_first),
        cmocka_unit_test(one_worker_is_sent_to_warm_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
