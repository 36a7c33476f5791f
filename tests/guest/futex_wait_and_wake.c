// futex(2): FUTEX_WAIT is EAGAIN when the value differs, ETIMEDOUT after its time; FUTEX_WAKE
// returns how many it woke; the key of shared memory is the page, of private memory the address
// space.
#include "check.h"

#include <linux/futex.h>

static long futex(volatile int *word, int operation, int value, const struct timespec *time) {
  return syscall(SYS_futex, word, operation, value, time, NULL, 0);
}
int main(void) {
  volatile int *shared =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  volatile int mine = 5;
  struct timespec moment = {0, 20000000};
  CHECK_ERRNO(futex(&mine, FUTEX_WAIT_PRIVATE, 4, NULL), EAGAIN);
  int64_t start = monotonic_ns();
  CHECK_ERRNO(futex(&mine, FUTEX_WAIT_PRIVATE, 5, &moment), ETIMEDOUT);
  CHECK(monotonic_ns() - start >= 20000000);
  CHECK(futex(&mine, FUTEX_WAKE_PRIVATE, 10, NULL) == 0);
  CHECK_ERRNO(futex((volatile int *)((uintptr_t)&mine + 1), FUTEX_WAIT, 5, NULL), EINVAL);
  CHECK_ERRNO(futex((volatile int *)8, FUTEX_WAIT, 5, NULL), EFAULT);
  CHECK_ERRNO(syscall(SYS_futex, &mine, 99, 0, NULL, NULL, 0), ENOSYS);
  for (int i = 0; i < 3; ++i)
    if (fork() == 0) {
      ++shared[1 + i];
      while (futex(shared, FUTEX_WAIT, 0, NULL) == -1 && errno == EINTR) {
      }
      _exit(0);
    }
  long woken = 0;
  int64_t limit = monotonic_ns() + 10000000000;
  while (woken < 1 && monotonic_ns() < limit)
    woken += futex(shared, FUTEX_WAKE, 1, NULL);
  CHECK(woken == 1);
  while (woken < 3 && monotonic_ns() < limit)
    woken += futex(shared, FUTEX_WAKE, 100, NULL);
  CHECK(woken == 3);
  int status;
  for (int i = 0; i < 3; ++i)
    wait(&status);
  CHECK_ERRNO(wait(&status), ECHILD);
  // do_futex() of Linux: the clock can be chosen for FUTEX_WAIT_BITSET, not for FUTEX_WAIT.
  int word = 0;
  struct timespec soon = {0, 1000}, wrong = {0, 1000000000};
  CHECK_ERRNO(syscall(SYS_futex, &word, 0 | 256 /* FUTEX_CLOCK_REALTIME */, 0, &soon, NULL, 0),
              ENOSYS);
  CHECK_ERRNO(syscall(SYS_futex, &word, 6 /* FUTEX_LOCK_PI */, 0, &wrong, NULL, 0), EINVAL);
  CHECK_THAT(word == 0, "the lock wasn't taken");
  return finish();
}
