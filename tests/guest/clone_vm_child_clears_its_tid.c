// clone(2): CLONE_CHILD_CLEARTID: "Clear (zero) the child thread ID at the location pointed to by
// child_tid [...] in child memory when the child exits, and do a wakeup on the futex at that
// address."
#include "check.h"

#include <linux/futex.h>

static volatile int word = -1;
static char stack[65536] __attribute__((aligned(16)));
static int child_main(void *unused) {
  (void)unused;
  sleep_ms(20);
  return word == gettid() ? 5 : 6;
}
int main(void) {
  pid_t child = clone(child_main, stack + sizeof stack,
                      CLONE_VM | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL,
                      NULL, &word);
  NEED(child >= 0);
  int seen;
  while ((seen = word) != 0)
    syscall(SYS_futex, &word, FUTEX_WAIT, seen, NULL, NULL, 0);
  CHECK(word == 0);
  int status;
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 5);
  return finish();
}
