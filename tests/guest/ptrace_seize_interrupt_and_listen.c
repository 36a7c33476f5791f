// ptrace(2): PTRACE_SEIZE doesn't stop; PTRACE_INTERRUPT, PTRACE_LISTEN and group stops of seized
// tracees; PTRACE_ATTACH and DETACH; what system calls that are interrupted so do.
#include "proc_stat.h"
#include "ptrace.h"

static pid_t sleeper(struct bell *bell, int group_stop) {
  *bell = new_bell();
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    char byte;
    if (group_stop)
      raise(SIGSTOP);
    ssize_t count = read(bell->fds[0], &byte, 1);
    _exit(count == 1 ? 6 : 7);
  }
  if (group_stop) {
    int status;
    NEED(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
  } else {
    sleep_ms(50);
  }
  return child;
}

static int is_event_stop(int status, int signal) {
  return status != -1 && (status >> 8) == (signal | PTRACE_EVENT_STOP << 8);
}

int main(void) {
  struct bell bell;
  int status;
  siginfo_t info;
  unsigned long message;

  // Seized, it goes on running.
  pid_t child = sleeper(&bell, 0);
  CHECK_ERRNO(trace(PTRACE_SEIZE, child, 1, 0), EIO);
  CHECK_ERRNO(trace(PTRACE_SEIZE, child, 0, 1UL << 30), EIO);
  CHECK(trace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACESYSGOOD) == 0);
  CHECK_ERRNO(trace(PTRACE_SEIZE, child, 0, 0), EPERM);
  CHECK(waitpid(child, &status, WNOHANG) == 0);
  CHECK_ERRNO(trace(PTRACE_GETEVENTMSG, child, 0, (unsigned long)&message), ESRCH);
  CHECK(trace(PTRACE_INTERRUPT, child, 0, 0) == 0);
  CHECK(is_event_stop(next_status(child), SIGTRAP));
  // The call that was interrupted: number, and ERESTARTSYS.
  struct user_regs_struct regs = registers_of(child);
  CHECK(regs.orig_rax == SYS_read && (long)regs.rax == -512);
  CHECK(trace(PTRACE_GETSIGINFO, child, 0, (unsigned long)&info) == 0 &&
        info.si_code == (SIGTRAP | PTRACE_EVENT_STOP << 8));
  CHECK(trace(PTRACE_SYSCALL, child, 0, 0) == 0);
  CHECK(is_stop(next_status(child), SIGTRAP | 0x80)); // made again
  regs = registers_of(child);
  CHECK(regs.orig_rax == SYS_read && (long)regs.rax == -ENOSYS);

  // Group stop, LISTEN, SIGCONT.
  CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
  CHECK(kill(child, SIGSTOP) == 0);
  CHECK(is_stop(next_status(child), SIGSTOP)); // delivery
  CHECK(trace(PTRACE_CONT, child, 0, SIGSTOP) == 0);
  CHECK(is_event_stop(next_status(child), SIGSTOP));
  CHECK(trace(PTRACE_LISTEN, child, 0, 0) == 0);
  CHECK_ERRNO(trace(PTRACE_CONT, child, 0, 0), ESRCH);
  CHECK(waitpid(child, &status, WNOHANG) == 0);
  CHECK(kill(child, SIGCONT) == 0);
  CHECK(is_event_stop(next_status(child), SIGTRAP));
  CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
  CHECK(is_stop(next_status(child), SIGCONT));
  CHECK_ERRNO(trace(PTRACE_LISTEN, child, 0, 0), EIO);
  CHECK(trace(PTRACE_DETACH, child, 0, SIGCONT) == 0);
  CHECK_ERRNO(trace(PTRACE_CONT, child, 0, 0), ESRCH);
  tell(bell);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 6);

  // Attached, it stops with SIGSTOP.
  child = sleeper(&bell, 0);
  CHECK_ERRNO(trace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
  CHECK_ERRNO(trace(PTRACE_ATTACH, 4000000, 0, 0), ESRCH);
  CHECK(trace(PTRACE_ATTACH, child, 0, 0) == 0);
  CHECK(is_stop(next_status(child), SIGSTOP));
  CHECK_ERRNO(trace(PTRACE_INTERRUPT, child, 0, 0), EIO);
  regs = registers_of(child);
  CHECK(regs.orig_rax == SYS_read && (long)regs.rax == -512);
  CHECK(trace(PTRACE_DETACH, child, 0, 0) == 0);
  tell(bell);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 6);

  // Already stopped: seized in its group stop.
  child = sleeper(&bell, 1);
  CHECK(trace(PTRACE_SEIZE, child, 0, 0) == 0);
  CHECK(is_event_stop(next_status(child), SIGSTOP));
  CHECK(trace(PTRACE_LISTEN, child, 0, 0) == 0);
  CHECK(kill(child, SIGCONT) == 0);
  CHECK(is_event_stop(next_status(child), SIGTRAP));
  CHECK(trace(PTRACE_DETACH, child, 0, 0) == 0);
  tell(bell);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 6);

  // Detached within a group stop, it stays stopped.
  child = sleeper(&bell, 1);
  CHECK(trace(PTRACE_SEIZE, child, 0, 0) == 0);
  CHECK(is_event_stop(next_status(child), SIGSTOP));
  CHECK(trace(PTRACE_DETACH, child, 0, 0) == 0);
  tell(bell);
  sleep_ms(50);
  CHECK(waitpid(child, &status, WNOHANG) == 0);
  CHECK(kill(child, SIGCONT) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 6);

  // nanosleep goes on with the time that is left.
  int64_t start = monotonic_ns();
  child = fork();
  NEED(child >= 0);
  if (child == 0) {
    struct timespec time = {0, 300000000};
    _exit(nanosleep(&time, NULL) == 0 ? 9 : 10);
  }
  while (state_of(child) != 'S') // on a busy machine it takes a while to begin
    sleep_ms(1);
  CHECK(trace(PTRACE_SEIZE, child, 0, 0) == 0);
  CHECK(trace(PTRACE_INTERRUPT, child, 0, 0) == 0);
  CHECK(is_event_stop(next_status(child), SIGTRAP));
  regs = registers_of(child);
  CHECK((long)regs.rax == -516);
  CHECK(trace(PTRACE_SYSCALL, child, 0, 0) == 0);
  CHECK(is_stop(next_status(child), SIGTRAP));
  CHECK(registers_of(child).orig_rax == SYS_restart_syscall);
  CHECK(trace(PTRACE_DETACH, child, 0, 0) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 9);
  CHECK(monotonic_ns() - start >= 300000000);
  return finish();
}
