// futex_waitv(2): "wait on multiple futexes"; returns the index of one that was woken.
#include "check.h"

#include <linux/futex.h>
#include <pthread.h>

struct waited {
  uint64_t value, address;
  uint32_t flags, reserved;
};
static uint32_t words[3];
static struct waited list[3];
static long wait_for_any(unsigned count, struct timespec *timeout, int clock) {
  return syscall(SYS_futex_waitv, list, count, 0, timeout, clock);
}
static void fill(void) {
  for (int i = 0; i < 3; ++i)
    list[i] = (struct waited){.address = (uint64_t)&words[i], .flags = 2 | FUTEX_PRIVATE_FLAG};
}
static void *waiter(void *result) {
  *(long *)result = wait_for_any(3, NULL, 0);
  return NULL;
}
int main(void) {
  fill();
  struct timespec past = {1, 0}, now;
  CHECK_ERRNO(wait_for_any(0, NULL, 0), EINVAL);
  CHECK_ERRNO(wait_for_any(129, NULL, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_futex_waitv, list, 1, 1, NULL, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_futex_waitv, NULL, 1, 0, NULL, 0), EINVAL);
  CHECK_ERRNO(wait_for_any(1, &past, CLOCK_BOOTTIME), EINVAL);
  list[0].flags = FUTEX_PRIVATE_FLAG | 8;
  CHECK_ERRNO(wait_for_any(1, &past, CLOCK_MONOTONIC), EINVAL);
  fill();
  list[0].reserved = 1;
  CHECK_ERRNO(wait_for_any(1, &past, CLOCK_MONOTONIC), EINVAL);
  fill();
  list[1].value = 1;
  CHECK_ERRNO(wait_for_any(2, NULL, 0), EAGAIN);
  fill();
  list[1].address += 1;
  CHECK_ERRNO(wait_for_any(2, NULL, 0), EINVAL);
  list[1].address = 8;
  CHECK_ERRNO(wait_for_any(2, NULL, 0), EFAULT);
  fill();
  CHECK_ERRNO(wait_for_any(3, &past, CLOCK_MONOTONIC), ETIMEDOUT);
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_nsec += 2000000;
  now.tv_sec += now.tv_nsec / 1000000000;
  now.tv_nsec %= 1000000000;
  CHECK_ERRNO(wait_for_any(3, &now, CLOCK_REALTIME), ETIMEDOUT);
  for (int word = 2; word >= 0; --word) {
    long result = -2;
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, waiter, &result) == 0);
    while (syscall(SYS_futex, &words[word], FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1) != 1)
      sleep_ms(1);
    NEED(pthread_join(thread, NULL) == 0);
    check(result == word, word == 0   ? "word 0 woke it"
                          : word == 1 ? "word 1 woke it"
                                      : "word 2 woke it");
    CHECK(syscall(SYS_futex, &words[1], FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1) == 0);
  }
  return finish();
}
