// sigaltstack(2): EINVAL, ENOMEM for a small stack, EPERM while in use, SS_AUTODISARM.
#include "check.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
static char stack[65536];
static volatile int on_it, change_refused, flags_inside;
static void handler(int number) {
  (void)number;
  char here;
  on_it = &here > stack && &here < stack + sizeof stack;
  stack_t now, disable = {.ss_flags = SS_DISABLE};
  sigaltstack(NULL, &now);
  flags_inside = now.ss_flags;
  change_refused = sigaltstack(&disable, NULL) == -1 && errno == EPERM;
}
int main(void) {
  stack_t now, alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE);
  stack_t bad = {.ss_sp = stack, .ss_size = 100};
  CHECK_ERRNO(sigaltstack(&bad, NULL), ENOMEM);
  bad = (stack_t){.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = 0x777};
  CHECK_ERRNO(sigaltstack(&bad, NULL), EINVAL);
  CHECK(sigaltstack(&alternate, NULL) == 0);
  struct sigaction action = {.sa_handler = handler};
  NEED(sigaction(SIGUSR1, &action, NULL) == 0);
  raise(SIGUSR1);
  CHECK_THAT(!on_it, "without SA_ONSTACK");
  CHECK(sigaltstack(&alternate, NULL) == 0);
  action.sa_flags = SA_ONSTACK;
  NEED(sigaction(SIGUSR1, &action, NULL) == 0);
  raise(SIGUSR1);
  CHECK(on_it && change_refused && flags_inside == SS_ONSTACK);
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == 0);
  alternate.ss_flags = (int)SS_AUTODISARM;
  CHECK(sigaltstack(&alternate, NULL) == 0);
  raise(SIGUSR1);
  CHECK_THAT(on_it && !change_refused, "SS_AUTODISARM: it may be changed inside");
  return finish();
}
