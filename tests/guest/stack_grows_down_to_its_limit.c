// getrlimit(2): RLIMIT_STACK: "Upon reaching this limit, a SIGSEGV signal is generated. To handle
// this signal, a process must employ an alternate signal stack"; the stack grows on access below
// it.
#include "check.h"

#include <setjmp.h>

static sigjmp_buf back;
static char alternate[32768];
static volatile int code;
static void handler(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  code = info->si_code;
  siglongjmp(back, 1);
}
__attribute__((noinline)) static int deep(int levels) {
  volatile char frame[8000];
  frame[0] = (char)levels;
  if (levels == 0)
    return 0;
  return deep(levels - 1) + (frame[0] == (char)levels);
}
int main(void) {
  CHECK(deep(500) == 500);
  IN_CHILD(CHECK(deep(900) == 900));
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  NEED(sigaltstack(&stack, NULL) == 0);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  NEED(sigaction(SIGSEGV, &action, NULL) == 0);
  int faulted = sigsetjmp(back, 1);
  if (!faulted)
    deep(1000000000);
  CHECK_THAT(faulted && (code == SEGV_MAPERR || code == SEGV_ACCERR),
             "overflow is SIGSEGV on the alternate stack");
  CHECK(SIGNAL_THAT_KILLS(signal(SIGSEGV, SIG_DFL), deep(1000000000)) == SIGSEGV);
  return finish();
}
