// futex(2): FUTEX_CMP_REQUEUE_PI moves those that wait in FUTEX_WAIT_REQUEUE_PI to a lock; one of
// them gets it at once if nobody has it, the others one after the other. They wake up as its
// owners.
#include "check.h"

#include <linux/futex.h>
#include <pthread.h>

static uint32_t condition, lock;
static int owners;

static long call(uint32_t *at, int operation, long value, const void *time, uint32_t *other,
                 int expected) {
  return syscall(SYS_futex, at, operation | FUTEX_PRIVATE_FLAG, value, time, other, expected);
}
static void *wait_for_lock(void *nothing) {
  if (call(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &lock, 0) == 0 &&
      (lock & FUTEX_TID_MASK) == (uint32_t)gettid()) {
    ++owners;
    sleep_ms(20);
    NEED(call(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
  }
  return nothing;
}
static void start(pthread_t *threads, int count) {
  for (int i = 0; i < count; ++i)
    NEED(pthread_create(&threads[i], NULL, wait_for_lock, NULL) == 0);
  sleep_ms(100);
}
static void join(pthread_t *threads, int count) {
  for (int i = 0; i < count; ++i)
    pthread_join(threads[i], NULL);
}

int main(void) {
  pthread_t threads[3];
  start(threads, 3);
  CHECK_ERRNO(call(&condition, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
  CHECK_ERRNO(call(&condition, FUTEX_CMP_REQUEUE, 1, (void *)1, &lock, 0), EINVAL);
  CHECK_ERRNO(call(&condition, FUTEX_CMP_REQUEUE_PI, 2, (void *)1, &lock, 0), EINVAL);
  CHECK_ERRNO(call(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &lock, 7), EAGAIN);
  CHECK(call(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)10, &lock, 0) == 3);
  join(threads, 3);
  CHECK(owners == 3 && lock == 0);
  // Somebody has the lock: nobody gets it before it is released.
  owners = 0;
  NEED(call(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
  start(threads, 2);
  CHECK(call(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)10, &lock, 0) == 2);
  CHECK((lock & FUTEX_WAITERS) != 0);
  sleep_ms(30);
  CHECK(__atomic_load_n(&owners, __ATOMIC_SEQ_CST) == 0);
  NEED(call(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
  join(threads, 2);
  CHECK(owners == 2 && lock == 0);
  struct timespec past = {1, 0};
  CHECK_ERRNO(call(&condition, FUTEX_WAIT_REQUEUE_PI, 0, &past, &lock, 0), ETIMEDOUT);
  CHECK_ERRNO(call(&condition, FUTEX_WAIT_REQUEUE_PI, 1, &past, &lock, 0), EAGAIN);
  CHECK_ERRNO(call(&condition, FUTEX_WAIT_REQUEUE_PI, 0, &past, &condition, 0), EINVAL);
  CHECK(call(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &lock, 0) == 0);
  CHECK_ERRNO(call((uint32_t *)-8, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
  return finish();
}
