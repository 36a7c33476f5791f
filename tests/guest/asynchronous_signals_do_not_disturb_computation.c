// sigreturn(2): a timer's signal lands between any two instructions; the computation must not
// notice.
#include "check.h"

static volatile long ticks;
static void handler(int number) {
  (void)number;
  ++ticks;
  __asm__ volatile("pcmpeqd %%xmm1, %%xmm1; stc" ::: "xmm1", "cc");
}
static uint64_t integers(void) {
  uint64_t x = 88172645463325252ULL, sum = 0;
  for (int i = 0; i < 3000000; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    sum += x >> (x & 31);
  }
  return sum;
}
static double reals(void) {
  double x = 0.5, sum = 0;
  for (int i = 0; i < 1000000; ++i) {
    x = 3.9 * x * (1 - x);
    sum += x;
  }
  return sum;
}
int main(void) {
  uint64_t expected = integers();
  double expected_real = reals();
  signal(SIGALRM, handler);
  struct itimerval time = {{0, 1000}, {0, 1000}};
  NEED(setitimer(ITIMER_REAL, &time, NULL) == 0);
  int good = 1;
  while (ticks < 60)
    good = good && integers() == expected && reals() == expected_real;
  CHECK_THAT(good, "the same results under a storm of signals");
  return finish();
}
