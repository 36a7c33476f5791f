// sigsetjmp(3): the mask is restored when saved; recovery from faults by jumping out, many times.
#include "check.h"

#include <setjmp.h>

static sigjmp_buf back;
static void handler(int number) {
  siglongjmp(back, number);
}
int main(void) {
  volatile int faults = 0;
  signal(SIGSEGV, handler);
  for (volatile int i = 0; i < 1000; ++i) {
    if (sigsetjmp(back, 1) == 0)
      *(volatile char *)(uintptr_t)i = 1;
    else
      ++faults;
  }
  CHECK(faults == 1000);
  sigset_t now;
  CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGSEGV));
  CHECK_THAT(SIGNAL_THAT_KILLS({
               sigset_t set;
               sigemptyset(&set);
               sigaddset(&set, SIGSEGV);
               sigprocmask(SIG_BLOCK, &set, NULL);
               *(volatile char *)8 = 1;
             }) == SIGSEGV,
             "a blocked fault signal kills");
  return finish();
}
