// futex(2), "Priority-inheritance futexes": "the kernel ensures that the owner ... is boosted to
// the priority of the highest-priority waiter", through any number of locks; the lock goes to the
// waiter of the highest priority, EDEADLK where a thread would wait for itself. An owner that ends
// leaves FUTEX_OWNER_DIED to the next. proc(5), (18) priority of /proc/PID/stat, shows what a
// thread has.
#include "proc_stat.h"

#include <linux/futex.h>
#include <pthread.h>

static uint32_t locks[3];
static int order[3], ended;

static long call(uint32_t *at, int operation, const void *time) {
  return syscall(SYS_futex, at, operation | FUTEX_PRIVATE_FLAG, 0, time, NULL, 0);
}
static int take(uint32_t *lock) {
  const uint32_t self = (uint32_t)gettid();
  uint32_t none = 0;
  return __atomic_compare_exchange_n(lock, &none, self, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ||
         call(lock, FUTEX_LOCK_PI, NULL) == 0;
}
static int give(uint32_t *lock) {
  uint32_t self = (uint32_t)gettid();
  return __atomic_compare_exchange_n(lock, &self, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ||
         call(lock, FUTEX_UNLOCK_PI, NULL) == 0;
}
static int set_priority(pid_t thread, int priority) {
  const struct sched_param parameters = {priority};
  return sched_setscheduler(thread, priority > 0 ? SCHED_FIFO : SCHED_OTHER, &parameters);
}
/// Field 18 of /proc/self/task/TID/stat: 20 by default, -1 - P with a real-time priority P.
static int shown_priority(pid_t thread) {
  char path[64];
  snprintf(path, sizeof path, "self/task/%d", thread);
  int priority = 12345;
  sscanf(stat_fields(path), "%*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d",
         &priority);
  return priority;
}

struct waiter {
  pthread_t handle;
  uint32_t *held, *wanted;
  long timeout_ms;
  int priority, number, keeps;
  _Atomic pid_t thread;
  _Atomic long result;
  _Atomic int result_errno;
};

/// Takes one lock, then waits for another.
static void *wait_for_lock(void *argument) {
  struct waiter *self = argument;
  if (self->held)
    NEED(take(self->held));
  NEED(self->priority == 0 || set_priority(0, self->priority) == 0);
  self->thread = gettid();
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += (until.tv_nsec + self->timeout_ms * 1000000) / 1000000000;
  until.tv_nsec = (until.tv_nsec + self->timeout_ms * 1000000) % 1000000000;
  self->result = call(self->wanted, FUTEX_LOCK_PI, self->timeout_ms != 0 ? &until : NULL);
  self->result_errno = errno;
  if (self->result == 0) {
    order[ended++] = self->number;
    NEED(self->keeps || give(self->wanted));
  }
  if (self->held)
    NEED(give(self->held));
  return NULL;
}
static void start(struct waiter *waiter) {
  NEED(pthread_create(&waiter->handle, NULL, wait_for_lock, waiter) == 0);
  while (waiter->thread == 0)
    sleep_ms(1);
  sleep_ms(30);
}
static void join(struct waiter *waiter) {
  pthread_join(waiter->handle, NULL);
}

static void test_boost(void) {
  const pid_t self = gettid();
  struct sched_param parameters;
  NEED(take(&locks[0]));
  struct waiter waiters[] = {
      {.wanted = &locks[0], .priority = 10, .number = 1},
      {.wanted = &locks[0], .priority = 30, .number = 2},
      {.wanted = &locks[0], .priority = 20, .number = 3},
  };
  CHECK(shown_priority(self) == 20);
  start(&waiters[0]);
  CHECK(shown_priority(self) == -11);
  start(&waiters[1]);
  start(&waiters[2]);
  CHECK(shown_priority(self) == -31);
  CHECK(sched_getscheduler(0) == SCHED_OTHER);
  CHECK(sched_getparam(0, &parameters) == 0 && parameters.sched_priority == 0);
  // What a waiter becomes counts at once, and who it is before.
  NEED(set_priority(waiters[0].thread, 40) == 0);
  CHECK(shown_priority(self) == -41);
  NEED(set_priority(waiters[0].thread, 10) == 0);
  CHECK(shown_priority(self) == -31);
  IN_CHILD(
      CHECK_THAT(shown_priority(gettid()) == 20, "a child does not inherit what its parent did"));
  ended = 0;
  CHECK(give(&locks[0]));
  CHECK(shown_priority(self) == 20);
  for (int i = 0; i < 3; ++i)
    join(&waiters[i]);
  CHECK_THAT(ended == 3 && order[0] == 2 && order[1] == 3 && order[2] == 1,
             "the lock goes to the highest priority first");
  CHECK(locks[0] == 0);
}

static void test_timeout(void) {
  NEED(take(&locks[0]));
  struct waiter waiter = {.wanted = &locks[0], .priority = 10, .timeout_ms = 100};
  start(&waiter);
  CHECK(shown_priority(gettid()) == -11);
  join(&waiter);
  CHECK(waiter.result == -1 && waiter.result_errno == ETIMEDOUT);
  CHECK_THAT(shown_priority(gettid()) == 20, "nobody waits any more");
  NEED(give(&locks[0]));
}

static void test_chain(void) {
  const pid_t self = gettid();
  NEED(take(&locks[0]));
  struct waiter middle = {.held = &locks[1], .wanted = &locks[0]};
  struct waiter last = {.held = &locks[2], .wanted = &locks[1], .priority = 50};
  start(&middle);
  CHECK(shown_priority(self) == 20);
  start(&last);
  CHECK(shown_priority(middle.thread) == -51);
  CHECK(shown_priority(self) == -51);
  errno = 0;
  CHECK_THAT(call(&locks[0], FUTEX_LOCK_PI, NULL) == -1 && errno == EDEADLK,
             "EDEADLK of a lock that the thread has");
  errno = 0;
  CHECK_THAT(call(&locks[1], FUTEX_LOCK_PI, NULL) == -1 && errno == EDEADLK,
             "EDEADLK of a lock whose owner waits for the thread");
  errno = 0;
  CHECK_THAT(call(&locks[2], FUTEX_LOCK_PI, NULL) == -1 && errno == EDEADLK,
             "EDEADLK of a lock whose owner waits for one who waits for the thread");
  CHECK(shown_priority(self) == -51);
  NEED(give(&locks[0]));
  CHECK(shown_priority(self) == 20);
  join(&middle);
  join(&last);
  CHECK(locks[0] == 0 && locks[1] == 0 && locks[2] == 0);
}

static void *take_and_end(void *ready) {
  NEED(take(&locks[0]));
  tell(*(struct bell *)ready);
  sleep_ms(80);
  return NULL;
}

static void test_owner_that_ends(void) {
  struct bell ready = new_bell();
  pthread_t owner;
  NEED(pthread_create(&owner, NULL, take_and_end, &ready) == 0);
  hear(ready);
  CHECK(call(&locks[0], FUTEX_LOCK_PI, NULL) == 0);
  CHECK((locks[0] & FUTEX_TID_MASK) == (uint32_t)gettid());
  CHECK((locks[0] & FUTEX_OWNER_DIED) != 0);
  pthread_join(owner, NULL);
  locks[0] = 0;
}

static void *wait_as_usual(void *value) {
  syscall(SYS_futex, &locks[0], FUTEX_WAIT | FUTEX_PRIVATE_FLAG, *(uint32_t *)value, NULL, NULL, 0);
  return NULL;
}
static void start_usual(pthread_t *threads, int count, uint32_t *value) {
  for (int i = 0; i < count; ++i)
    NEED(pthread_create(&threads[i], NULL, wait_as_usual, value) == 0);
  sleep_ms(50);
}

/// "EINVAL: The kernel detected an inconsistency between the user-space state at uaddr and the
/// kernel state": somebody waits there as for any word.
static void test_other_waiters(void) {
  pthread_t others[3];
  struct waiter waiter = {.wanted = &locks[0]};
  NEED(take(&locks[0]));
  uint32_t value = locks[0];
  start_usual(others, 2, &value);
  CHECK_ERRNO(call(&locks[0], FUTEX_UNLOCK_PI, NULL), EINVAL);
  start(&waiter);
  CHECK_THAT(waiter.result == -1 && waiter.result_errno == EINVAL, "nobody can wait for the lock");
  join(&waiter);
  CHECK(syscall(SYS_futex, &locks[0], FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 9, NULL, NULL, 0) == 2);
  pthread_join(others[0], NULL);
  pthread_join(others[1], NULL);
  // Who comes later, and waits as for any word, is passed over.
  locks[0] = (uint32_t)gettid();
  waiter = (struct waiter){.wanted = &locks[0], .keeps = 1};
  start(&waiter);
  value = locks[0];
  start_usual(others, 2, &value);
  ended = 0;
  CHECK(call(&locks[0], FUTEX_UNLOCK_PI, NULL) == 0);
  sleep_ms(50);
  CHECK_THAT(ended == 1 && waiter.result == 0, "the lock goes to who waits for it");
  join(&waiter);
  CHECK(syscall(SYS_futex, &locks[0], FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 9, NULL, NULL, 0) == 2);
  pthread_join(others[0], NULL);
  pthread_join(others[1], NULL);
  locks[0] = 0;
}

int main(void) {
  test_boost();
  test_timeout();
  test_chain();
  test_owner_that_ends();
  test_other_waiters();
  return finish();
}
