// ptrace(2), PTRACE_ATTACH and PTRACE_SEIZE of a thread that is stopped already: it is in its
// ptrace-stop when the call returns, so that the tracer need not wait for it first.
#include "ptrace.h"

static pid_t stopped_child(void) {
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    raise(SIGSTOP);
    _exit(5);
  }
  int status;
  NEED(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
  return child;
}

static void attach(long request) {
  int at_once = 1;
  for (int i = 0; i < 50; ++i) {
    pid_t child = stopped_child();
    unsigned long word;
    at_once &=
        trace(request, child, 0, 0) == 0 &&
        trace(PTRACE_PEEKUSR, child, offsetof(struct user, regs.rip), (unsigned long)&word) == 0;
    kill(child, SIGKILL);
    int status;
    NEED(waitpid(child, &status, __WALL) == child || waitpid(child, &status, __WALL) == child);
    while (WIFSTOPPED(status))
      NEED(waitpid(child, &status, __WALL) == child);
  }
  CHECK_THAT(at_once, request == PTRACE_ATTACH ? "attached: registers are read at once"
                                               : "seized: registers are read at once");
}

int main(void) {
  attach(PTRACE_ATTACH);
  attach(PTRACE_SEIZE);
  pid_t child = stopped_child();
  NEED(trace(PTRACE_ATTACH, child, 0, 0) == 0);
  CHECK(trace(PTRACE_DETACH, child, 0, 0) == 0);
  kill(child, SIGCONT);
  int status = next_status(child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
  return finish();
}
