// ptrace(2), wait(2): a tracer that isn't the parent. The end of a tracee is the tracer's first,
// then its parent's; what becomes of tracees when the tracer dies; TracerPid; who may trace.
#include "proc_stat.h"
#include "ptrace.h"

#include <sys/prctl.h>

static int tracer_pid_of(pid_t pid) {
  char path[64], line[128];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "r");
  NEED(file);
  int tracer = -1;
  while (fgets(line, sizeof line, file))
    sscanf(line, "TracerPid: %d", &tracer);
  fclose(file);
  return tracer;
}

/// A child that ends with 11 when it hears the bell.
static pid_t waiter(struct bell bell) {
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    hear(bell);
    _exit(11);
  }
  return child;
}

int main(void) {
  struct bell go = new_bell(), attached = new_bell(), reap = new_bell();
  int status;

  // The parent sees the end after the tracer has.
  pid_t child = waiter(go);
  pid_t tracer = fork();
  if (tracer == 0) {
    CHECK(trace(PTRACE_ATTACH, child, 0, 0) == 0);
    CHECK(is_stop(next_status(child), SIGSTOP));
    CHECK(tracer_pid_of(child) == getpid() && state_of(child) == 't');
    CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
    tell(attached);
    hear(reap);
    siginfo_t info;
    CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0 && info.si_code == CLD_EXITED);
    int end = next_status(child);
    CHECK(WIFEXITED(end) && WEXITSTATUS(end) == 11);
    CHECK_ERRNO(waitpid(child, &end, __WALL | WNOHANG), ECHILD);
    _exit(check_failures);
  }
  hear(attached);
  tell(go);
  sleep_ms(50);
  CHECK(waitpid(child, &status, WNOHANG) == 0);
  tell(reap);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 11);
  CHECK(waitpid(tracer, &status, 0) == tracer && status == 0);

  // The tracer's end frees a stopped tracee.
  child = waiter(go);
  tracer = fork();
  if (tracer == 0) {
    CHECK(trace(PTRACE_SEIZE, child, 0, 0) == 0);
    CHECK(trace(PTRACE_INTERRUPT, child, 0, 0) == 0);
    CHECK((next_status(child) >> 16) == PTRACE_EVENT_STOP);
    _exit(check_failures);
  }
  CHECK(waitpid(tracer, &status, 0) == tracer && status == 0);
  CHECK(tracer_pid_of(child) == 0);
  tell(go);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 11);

  // PTRACE_O_EXITKILL
  child = waiter(go);
  tracer = fork();
  if (tracer == 0)
    _exit(trace(PTRACE_SEIZE, child, 0, PTRACE_O_EXITKILL) != 0);
  CHECK(waitpid(tracer, &status, 0) == tracer && status == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

  // A group stop is reported to the tracer when it stops, and to the parent as a stop.
  child = waiter(go);
  tracer = fork();
  if (tracer == 0) {
    CHECK(trace(PTRACE_SEIZE, child, 0, 0) == 0);
    tell(attached);
    CHECK(is_stop(next_status(child), SIGTSTP));
    CHECK(trace(PTRACE_CONT, child, 0, SIGSTOP) == 0);
    CHECK((next_status(child) >> 8) == (SIGSTOP | PTRACE_EVENT_STOP << 8));
    CHECK(trace(PTRACE_LISTEN, child, 0, 0) == 0);
    hear(reap);
    _exit(check_failures);
  }
  hear(attached);
  kill(child, SIGTSTP);
  CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) &&
        WSTOPSIG(status) == SIGSTOP);
  tell(reap);
  CHECK(waitpid(tracer, &status, 0) == tracer && status == 0);
  CHECK(kill(child, SIGKILL) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));

  // Another user, and a process that is not dumpable.
  if (geteuid() == 0) {
    child = waiter(go);
    IN_CHILD({
      CHECK(setresgid(99, 99, 99) == 0 && setresuid(99, 99, 99) == 0);
      CHECK_ERRNO(trace(PTRACE_ATTACH, child, 0, 0), EPERM);
      CHECK_ERRNO(trace(PTRACE_SEIZE, child, 0, 0), EPERM);
      struct bell bell = new_bell();
      pid_t own = fork();
      if (own == 0) {
        prctl(PR_SET_DUMPABLE, 0);
        tell(attached);
        hear(bell);
        _exit(0);
      }
      hear(attached);
      CHECK_ERRNO(trace(PTRACE_SEIZE, own, 0, 0), EPERM);
      kill(own, SIGKILL);
    });
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  return finish();
}
