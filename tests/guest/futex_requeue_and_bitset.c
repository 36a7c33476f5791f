// futex(2): FUTEX_CMP_REQUEUE moves waiters to another futex; FUTEX_WAKE_BITSET wakes by mask;
// FUTEX_WAIT_BITSET has an absolute timeout; FUTEX_WAKE_OP.
#include "check.h"

#include <linux/futex.h>

static volatile int *word;
static long call(volatile int *at, int operation, long value, long value2, volatile int *other,
                 int value3) {
  return syscall(SYS_futex, at, operation, value, value2, other, value3);
}
static void waiter(int bits, int code) {
  if (fork() == 0) {
    __atomic_add_fetch(&word[8], 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET, 0, NULL, NULL, bits);
    _exit(code);
  }
}
static void all_wait(int count) {
  while (__atomic_load_n(&word[8], __ATOMIC_SEQ_CST) < count)
    sleep_ms(1);
  sleep_ms(60);
}
int main(void) {
  word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int status;
  waiter(1, 11);
  waiter(2, 22);
  all_wait(2);
  CHECK(call(word, FUTEX_WAKE_BITSET, 10, 0, NULL, 4) == 0);
  CHECK(call(word, FUTEX_WAKE_BITSET, 10, 0, NULL, 2) == 1);
  CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 22);
  CHECK(call(word, FUTEX_WAKE_BITSET, 10, 0, NULL, -1) == 1);
  CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 11);
  word[8] = 0;
  for (int i = 0; i < 3; ++i)
    waiter(-1, 30 + i);
  all_wait(3);
  CHECK_ERRNO(call(word, FUTEX_CMP_REQUEUE, 1, 10, word + 4, 9), EAGAIN);
  CHECK(call(word, FUTEX_CMP_REQUEUE, 1, 10, word + 4, 0) == 3);
  CHECK(wait(&status) > 0);
  CHECK(call(word, FUTEX_WAKE, 10, 0, NULL, 0) == 0);
  CHECK(call(word + 4, FUTEX_WAKE, 10, 0, NULL, 0) == 2);
  CHECK(wait(&status) > 0 && wait(&status) > 0);
  struct timespec past = {1, 0};
  CHECK_ERRNO(call(word, FUTEX_WAIT_BITSET, 0, (long)&past, NULL, -1), ETIMEDOUT);
  CHECK_ERRNO(call(word, FUTEX_WAIT_BITSET, 0, 0, NULL, 0), EINVAL);
  word[4] = 5;
  CHECK(call(word, FUTEX_WAKE_OP, 1, 1, word + 4,
             (int)FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)) == 0);
  CHECK(word[4] == 8);
  return finish();
}
