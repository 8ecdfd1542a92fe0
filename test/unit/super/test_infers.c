/* The table of infer processes, its memory budget, and the memory of failed loads. */
#include "base/mem.h"
#include "super/infers.h"
#include "wire/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct wire_model model(uint8_t n)
{
    return (struct wire_model){.cid = {n}, .cid_len = 34};
}

static int setup(void **state)
{
    struct infers *t = mem_alloc(1, sizeof(*t));
    assert_non_null(t);
    t->budget = 1000;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    mem_free(*state);
    return 0;
}

static void test_numbers_are_never_used_twice(void **state)
{
    struct infers *t = *state;
    struct infer *first = infers_new(t);
    assert_int_equal(first->number, 1);
    infers_drop(t, first);
    assert_null(infers_by_number(t, 1));
    assert_null(infers_by_number(t, 0));
    assert_int_equal(infers_new(t)->number, 2);
}

static void test_the_table_is_full_once(void **state)
{
    struct infers *t = *state;
    for (unsigned i = 0; i < LIVE_INFERS_MAX; i++)
        assert_non_null(infers_new(t));
    assert_null(infers_new(t));
    infers_drop(t, infers_by_number(t, 7));
    assert_int_equal(infers_new(t)->number, LIVE_INFERS_MAX + 1);
}

static void test_by_model(void **state)
{
    struct infers *t = *state;
    struct wire_model m = model(1), with_path = model(1);
    struct infer *i = infers_new(t);
    with_path.path_len = 1;
    with_path.path[0] = 'x';
    i->model = m;
    assert_null(infers_by_model(t, &m)); /* it has not been assigned */
    i->state = INFER_PULLING;
    assert_ptr_equal(infers_by_model(t, &m), i);
    assert_null(infers_by_model(t, &with_path));
    i->state = INFER_LEAVING;
    assert_null(infers_by_model(t, &m));
    assert_int_equal(infers_count(t, INFER_LEAVING), 1);
}

static void test_budget(void **state)
{
    struct infers *t = *state;
    struct infer *a = infers_new(t), *b = infers_new(t);
    assert_true(infers_reserve(t, a, 600));
    assert_false(infers_reserve(t, b, 401));
    assert_true(infers_reserve(t, b, 400));
    assert_false(infers_reserve(t, a, 601));
    assert_true(infers_reserve(t, a, 100));
    assert_int_equal(t->used, 500);
    assert_true(infers_reserve(t, b, 900));
    infers_drop(t, b);
    assert_int_equal(t->used, 100);
    assert_false(infers_reserve(t, a, UINT64_MAX));
    assert_true(infers_reserve(t, a, 1000));
    infers_drop(t, a);
    assert_int_equal(t->used, 0);
}

static void test_the_oldest_goes_first(void **state)
{
    struct infers *t = *state;
    struct infer *a = infers_new(t), *b = infers_new(t), *c = infers_new(t);
    assert_null(infers_oldest(t, 30));
    a->state = b->state = INFER_READY;
    c->state = INFER_LOADING;
    a->used_ms = 20;
    b->used_ms = 10;
    c->used_ms = 1;
    assert_ptr_equal(infers_oldest(t, 30), b);
    b->releasing = true;
    assert_ptr_equal(infers_oldest(t, 30), a);
}

/* Fronts tell once a second, and twenty models can be loaded in one: each of them looked younger than a model that was asked all the time,
   and drove it out. */
static void test_who_is_in_use_stays(void **state)
{
    struct infers *t = *state;
    struct infer *busy = infers_new(t), *new = infers_new(t);
    busy->state = new->state = INFER_READY;
    busy->used_ms = 10000;
    new->used_ms = 10100;
    infers_used(busy, 10400); /* a run that takes long is told in between */
    infers_used(busy, 11000);
    assert_ptr_equal(infers_oldest(t, 11900), new);
    new->used_ms = 11500;
    assert_ptr_equal(infers_oldest(t, 11900), busy); /* once used, or once more at once, is not all the time */
    infers_used(busy, 12000);
    new->used_ms = 12900;
    assert_ptr_equal(infers_oldest(t, 13000), new);
    assert_ptr_equal(infers_oldest(t, 14500), busy); /* nobody has used it for long */
    infers_used(new, 13900);
    infers_used(new, 14900);
    infers_used(busy, 15000);
    assert_ptr_equal(infers_oldest(t, 15100), busy); /* it begins anew */
    new->releasing = true;
    assert_ptr_equal(infers_oldest(t, 15100), busy);
}

static void test_failures_are_remembered_longer_each_time(void **state)
{
    static const uint32_t pauses[] = {5000, 10000, 20000, 40000, 60000, 60000};
    struct infers *t = *state;
    struct wire_model m = model(1), other = model(2);
    for (size_t i = 0; i < COUNT_OF(pauses); i++) {
        uint64_t now = 1000000 * (i + 1);
        infers_failed(t, &m, ERR_MODEL_NOT_FOUND, "why", true, now);
        assert_non_null(infers_failure(t, &m, now + pauses[i] - 1));
        assert_null(infers_failure(t, &m, now + pauses[i]));
    }
    const struct failure *f = infers_failure(t, &m, 6000000);
    assert_int_equal((int)f->reason, ERR_MODEL_NOT_FOUND);
    assert_string_equal(f->why, "why");
    assert_null(infers_failure(t, &other, 6000000));
    assert_true(infers_forgive(t, &m));
    assert_false(infers_forgive(t, &m));
    infers_failed(t, &m, ERR_MODEL_NOT_FOUND, "", true, 7000000);
    assert_null(infers_failure(t, &m, 7005000));
}

static void test_only_so_many_failures_are_remembered(void **state)
{
    struct infers *t = *state;
    for (unsigned i = 0; i <= FAILURES_MAX; i++) {
        struct wire_model m = model((uint8_t)i);
        infers_failed(t, &m, ERR_TIMEOUT, "", true, 0);
    }
    struct wire_model first = model(0), last = model(FAILURES_MAX);
    assert_null(infers_failure(t, &first, 1));
    assert_non_null(infers_failure(t, &last, 1));
}

static void test_a_failure_of_the_node_does_not_stand(void **state)
{
    struct infers *t = *state;
    struct wire_model m = model(1);
    infers_failed(t, &m, ERR_SOURCE_DEAD, "", false, 1000);
    assert_null(infers_failure(t, &m, 1000));
    assert_int_equal((int)t->failures[0].reason, ERR_SOURCE_DEAD); /* but the administrator sees it */
    infers_failed(t, &m, ERR_DAG_MALFORMED, "", true, 2000);
    assert_non_null(infers_failure(t, &m, 6999));
    assert_null(infers_failure(t, &m, 7000));
    assert_int_equal((int)t->failures[1].reason, OK);
}

/* ── memory ── */

static void test_processes_without_a_model_have_their_part(void **state)
{
    static const struct {
        uint64_t all;
        unsigned sizing;
        uint64_t budget;
    } rows[] = {
        {0, 1, 0},
        {2 * PROCESS_BYTES, 1, 0},
        {300 * MIB, 1, 268 * MIB},
        {GIB, 4, GIB - 5 * PROCESS_BYTES},
        {16 * GIB, SIZING_MAX, 16 * GIB - (SIZING_MAX + 1) * PROCESS_BYTES},
    };
    struct infers *t = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        infers_divide(t, rows[i].all);
        assert_int_equal(t->sizing_max, rows[i].sizing);
        assert_int_equal(t->budget, rows[i].budget);
    }
}

static void test_memory_that_comes_back(void **state)
{
    struct infers *t = *state;
    struct infer *a = infers_new(t), *b = infers_new(t), *c = infers_new(t);
    a->state = b->state = c->state = INFER_READY;
    assert_true(infers_reserve(t, a, 100) && infers_reserve(t, b, 20) && infers_reserve(t, c, 3));
    assert_int_equal(infers_leaving(t), 0);
    a->releasing = true;
    b->state = INFER_LEAVING;
    assert_int_equal(infers_leaving(t), 120);
    b->releasing = true; /* counted once */
    assert_int_equal(infers_leaving(t), 120);
}

static void test_first_come_first_served(void **state)
{
    struct infers *t = *state;
    struct infer *late = infers_new(t), *unsized = infers_new(t), *early = infers_new(t);
    assert_null(infers_waiting(t));
    late->state = unsized->state = early->state = INFER_SIZING;
    late->file_bytes = early->file_bytes = 1;
    late->asked_ms = 30;
    unsized->asked_ms = 10;
    early->asked_ms = 20;
    assert_ptr_equal(infers_waiting(t), early);
    early->state = INFER_PULLING;
    assert_ptr_equal(infers_waiting(t), late);
}

static void test_a_process_that_returned_is_another_one(void **state)
{
    struct infers *t = *state;
    struct infer *i = infers_new(t);
    int fd = dup(2);
    i->child = (struct child *)(void *)t; /* anything that is not NULL */
    i->engine_len = 3;
    i->block_fd = fd;
    i->front_request = 7;
    i->known_to_keeper = true;
    assert_true(infers_reserve(t, i, 10));
    infers_renew(t, i);
    assert_int_equal(i->number, 2);
    assert_int_equal(i->state, INFER_IDLE);
    assert_int_equal(i->engine_len, 3);
    assert_ptr_equal(i->child, t);
    assert_int_equal(i->block_fd, -1);
    assert_int_equal(i->front_request, 0);
    assert_false(i->known_to_keeper);
    assert_int_equal(t->used, 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* It may have kept its end, or a duplicate of it. */
static void test_a_process_that_returned_has_no_block_channel(void **state)
{
    struct infers *t = *state;
    struct infer *i = infers_new(t);
    int fetcher_and_ours[2];
    uint8_t byte = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fetcher_and_ours), 0);
    int fetcher = fetcher_and_ours[0], kept = dup(fetcher_and_ours[1]);
    i->block_fd = fetcher_and_ours[1];
    assert_int_equal(send(kept, "a", 1, MSG_NOSIGNAL), 1);
    infers_renew(t, i);
    assert_int_equal(send(kept, "b", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(recv(kept, &byte, 1, 0), 0);
    assert_int_equal(send(fetcher, "c", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(recv(fetcher, &byte, 1, 0), 1);
    assert_int_equal(recv(fetcher, &byte, 1, 0), 0);
    close(kept);
    close(fetcher);
}

/* ── kept files ── */

/* A process that has loaded a file of `bytes` bytes, with so much memory beside it. */
static struct infer *loaded(struct infers *t, uint8_t n, uint64_t bytes, uint64_t data)
{
    struct infer *i = infers_new(t);
    i->model = model(n);
    i->file_bytes = bytes;
    i->file_fd = dup(2);
    i->sealed.infer = i->number;
    i->sealed.model_sha256[0] = n;
    assert_true(infers_reserve(t, i, bytes + data));
    return i;
}

static void test_a_file_is_counted_once(void **state)
{
    struct infers *t = *state;
    struct infer *i = loaded(t, 1, 100, 300);
    int fd = i->file_fd;
    assert_int_equal(t->used, 400);
    files_keep(t, i, 5);
    assert_int_equal(t->used, 400);
    assert_int_equal(i->reserved, 300);
    assert_int_equal(i->file_fd, -1);
    assert_int_equal(files_find(t, &i->model)->bytes, 100);
    infers_drop(t, i);
    assert_int_equal(t->used, 100);

    struct infer *next = infers_new(t);
    next->model = model(2);
    assert_false(files_take(t, next));
    next->model = model(1);
    assert_true(files_take(t, next));
    assert_int_equal(next->file_fd, fd);
    assert_int_equal(next->file_bytes, 100);
    assert_int_equal(next->reserved, 100);
    assert_int_equal(next->sealed.infer, next->number); /* what the keeper will be told */
    assert_int_equal(next->sealed.model_sha256[0], 1);
    assert_int_equal(t->used, 100);
    assert_null(files_find(t, &next->model));
    infers_drop(t, next);
    assert_int_equal(t->used, 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_the_file_used_longest_ago_is_dropped(void **state)
{
    struct infers *t = *state;
    for (uint8_t n = 1; n <= 3; n++)
        files_keep(t, loaded(t, n, 10, 0), n);
    struct wire_model m1 = model(1), m2 = model(2), m3 = model(3);
    files_used(t, &m1, 9);
    assert_true(files_drop_oldest(t));
    assert_null(files_find(t, &m2));
    assert_true(files_drop(t, &m3));
    assert_false(files_drop(t, &m3));
    assert_int_equal(t->used, 10);
    assert_true(files_drop_oldest(t));
    assert_null(files_find(t, &m1));
    assert_false(files_drop_oldest(t));
    assert_int_equal(t->used, 0);
}

static void test_one_file_for_each_model(void **state)
{
    struct infers *t = *state;
    struct infer *i = loaded(t, 1, 10, 0);
    int fd = i->file_fd;
    files_keep(t, i, 1);
    files_keep(t, loaded(t, 1, 10, 0), 2);
    assert_int_equal(t->used, 10);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    struct wire_model m = model(1);
    assert_true(files_drop(t, &m));
}

static void test_no_more_files_than_places(void **state)
{
    struct infers *t = *state;
    t->budget = 2 * KEPT_MAX;
    for (unsigned n = 0; n <= KEPT_MAX; n++) {
        struct infer *i = loaded(t, (uint8_t)n, 1, 0);
        i->model.cid[1] = (uint8_t)(n >> 8);
        files_keep(t, i, n);
        infers_drop(t, i);
    }
    struct wire_model first = model(0), second = model(1);
    assert_int_equal(t->used, KEPT_MAX);
    assert_null(files_find(t, &first));
    assert_non_null(files_find(t, &second));
    while (files_drop_oldest(t))
        continue;
}

/* ── prepared forms ── */

/* A process that prepares the file of model `n`, and has made a form of `bytes` bytes out of `most`. */
static struct infer *prepared(struct infers *t, uint8_t n, uint64_t bytes, uint64_t most)
{
    struct infer *i = infers_new(t);
    i->state = INFER_PREPARING;
    i->model = model(n);
    assert_true(infers_reserve(t, i, most));
    i->prepared = (struct prepared){.fd = dup(2), .bytes = bytes};
    return i;
}

static void test_a_prepared_form_is_counted_once(void **state)
{
    struct infers *t = *state;
    files_keep(t, loaded(t, 1, 100, 0), 5);
    struct infer *maker = prepared(t, 1, 70, 400), *next = infers_new(t);
    int fd = maker->prepared.fd;
    files_take_prepared(t, maker);
    assert_int_equal(t->used, 500);
    infers_drop(t, maker);
    assert_int_equal(t->used, 170);
    assert_int_equal(files_bytes(files_find(t, &(struct wire_model){.cid = {1}, .cid_len = 34})), 170);

    next->model = model(1);
    assert_true(files_take(t, next)); /* it is loaded: the file may be dropped again, its form is mapped */
    assert_int_equal(next->prepared.fd, fd);
    assert_int_equal(next->reserved, 170);
    files_keep(t, next, 6);
    assert_int_equal(next->reserved, 70);
    assert_int_equal(t->used, 170);
    assert_true(files_drop(t, &next->model));
    assert_int_equal(t->used, 70);
    files_take_prepared(t, next); /* nowhere to go */
    assert_int_equal(next->prepared.fd, fd);
    infers_drop(t, next);
    assert_int_equal(t->used, 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_a_prepared_form_comes_back_from_its_process(void **state)
{
    struct infers *t = *state;
    files_keep(t, loaded(t, 1, 100, 0), 5);
    struct infer *maker = prepared(t, 1, 70, 400), *next = infers_new(t);
    files_take_prepared(t, maker);
    infers_drop(t, maker);
    next->model = model(1);
    assert_true(files_take(t, next));
    files_keep(t, next, 6);
    files_take_prepared(t, next);
    infers_drop(t, next);
    assert_int_equal(t->used, 170);
    assert_true(files_drop_oldest(t));
    assert_int_equal(t->used, 0);
}

static void test_prepared_forms_go_before_files(void **state)
{
    struct infers *t = *state;
    for (uint8_t n = 1; n <= 3; n++)
        files_keep(t, loaded(t, n, 10, 0), n);
    for (uint8_t n = 2; n <= 3; n++) {
        struct infer *maker = prepared(t, n, 5, 50);
        files_take_prepared(t, maker);
        infers_drop(t, maker);
    }
    struct wire_model m2 = model(2), m3 = model(3);
    assert_int_equal(t->used, 40);
    assert_true(files_drop_prepared(t));
    assert_int_equal(files_find(t, &m2)->prepared.fd, -1);
    assert_int_not_equal(files_find(t, &m3)->prepared.fd, -1);
    assert_true(files_drop_prepared(t));
    assert_false(files_drop_prepared(t));
    assert_int_equal(t->used, 30);
    while (files_drop_oldest(t))
        continue;
    assert_int_equal(t->used, 0);
}

static void test_what_was_refused_is_not_wanted_again(void **state)
{
    struct infers *t = *state;
    struct wire_model m1 = model(1), m2 = model(2);
    struct infer *next = infers_new(t);
    files_keep(t, loaded(t, 1, 10, 0), 1);
    files_keep(t, loaded(t, 2, 10, 0), 2);
    assert_null(files_wanted(t));
    files_want(t, &m1);
    files_want(t, &m2);
    assert_true(wire_model_equal(&files_wanted(t)->model, &m2));
    files_refuse(t, &m2);
    files_want(t, &m2);
    assert_true(wire_model_equal(&files_wanted(t)->model, &m1));
    next->model = m2;
    assert_true(files_take(t, next)); /* nor by who loads it next */
    files_keep(t, next, 9);
    files_want(t, &m2);
    assert_true(wire_model_equal(&files_wanted(t)->model, &m1));
    while (files_drop_oldest(t))
        continue;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers_are_never_used_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_table_is_full_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_by_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_oldest_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_in_use_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_are_remembered_longer_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_so_many_failures_are_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_failure_of_the_node_does_not_stand, setup, teardown),
        cmocka_unit_test_setup_teardown(test_processes_without_a_model_have_their_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_that_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_come_first_served, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_process_that_returned_is_another_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_process_that_returned_has_no_block_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_is_counted_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_file_used_longest_ago_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_file_for_each_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_more_files_than_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_prepared_form_is_counted_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_prepared_form_comes_back_from_its_process, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prepared_forms_go_before_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_refused_is_not_wanted_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
