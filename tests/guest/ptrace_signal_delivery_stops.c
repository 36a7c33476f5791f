// ptrace(2), "Signal-delivery-stop" and "Signal injection and suppression".
#include "ptrace.h"

static volatile sig_atomic_t seen, seen_pid, seen_code, seen_value;
static void handler(int signal, siginfo_t *info, void *context) {
  (void)context;
  seen = signal;
  seen_pid = info->si_pid;
  seen_code = info->si_code;
  seen_value = info->si_value.sival_int;
}

static void work(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  for (int signal = SIGUSR1; signal <= SIGUSR2; signal += SIGUSR2 - SIGUSR1)
    sigaction(signal, &action, NULL);
  int failures = 0;
  raise(SIGUSR1); // passed on
  failures |= (seen == SIGUSR1 && seen_pid == getpid() && seen_code == SI_TKILL) ? 0 : 1;
  seen = 0;
  raise(SIGUSR1); // suppressed
  failures |= seen == 0 ? 0 : 2;
  raise(SIGUSR1); // changed to SIGUSR2
  failures |= (seen == SIGUSR2 && seen_pid == getppid() && seen_code == SI_USER) ? 0 : 4;
  raise(SIGUSR1); // its siginfo is changed
  failures |= (seen == SIGUSR1 && seen_value == 77 && seen_code == SI_QUEUE) ? 0 : 8;
  kill(getpid(), SIGCHLD); // ignored by default, and yet the tracer is told
  kill(getpid(), SIGTERM); // suppressed: does not kill
  _exit(failures);
}

static int go_on(pid_t child, int signal) {
  NEED(trace(PTRACE_CONT, child, 0, (unsigned long)signal) == 0);
  return next_status(child);
}

int main(void) {
  pid_t child = traced_child(work);
  CHECK(is_stop(go_on(child, 0), SIGUSR1));
  siginfo_t info;
  CHECK(trace(PTRACE_GETSIGINFO, child, 0, (unsigned long)&info) == 0);
  CHECK(info.si_signo == SIGUSR1 && info.si_code == SI_TKILL && info.si_pid == child);
  uint64_t mask = 0;
  CHECK(trace(PTRACE_GETSIGMASK, child, 8, (unsigned long)&mask) == 0);
  CHECK_ERRNO(trace(PTRACE_GETSIGMASK, child, 4, (unsigned long)&mask), EINVAL);
  CHECK_ERRNO(trace(PTRACE_CONT, child, 0, 1000), EIO);

  CHECK(is_stop(go_on(child, SIGUSR1), SIGUSR1));
  CHECK(is_stop(go_on(child, 0), SIGUSR1));
  CHECK(is_stop(go_on(child, SIGUSR2), SIGUSR1));
  CHECK(trace(PTRACE_GETSIGINFO, child, 0, (unsigned long)&info) == 0);
  info.si_code = SI_QUEUE;
  info.si_value.sival_int = 77;
  CHECK(trace(PTRACE_SETSIGINFO, child, 0, (unsigned long)&info) == 0);
  CHECK(is_stop(go_on(child, SIGUSR1), SIGCHLD));
  CHECK(is_stop(go_on(child, SIGCHLD), SIGTERM));
  int status = go_on(child, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);

  // SIGKILL is no stop.
  child = traced_child(work);
  CHECK(kill(child, SIGKILL) == 0);
  status = next_status(child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  // "Returns the number of signals copied": fewer where the buffer ends; EFAULT for none.
  const union sigval value = {.sival_int = 5};
  child = traced_child(work);
  for (int i = 0; i < 4; ++i)
    NEED(sigqueue(child, SIGRTMIN, value) == 0);
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_READ) == 0);
  struct ptrace_peeksiginfo_args peek = {.off = 0, .flags = PTRACE_PEEKSIGINFO_SHARED, .nr = 4};
  CHECK(trace(PTRACE_PEEKSIGINFO, child, (unsigned long)&peek, (unsigned long)pages) == 4);
  CHECK(trace(PTRACE_PEEKSIGINFO, child, (unsigned long)&peek,
              (unsigned long)pages + 4096 - 2 * sizeof(siginfo_t)) == 2);
  CHECK_ERRNO(trace(PTRACE_PEEKSIGINFO, child, (unsigned long)&peek, (unsigned long)pages + 4096),
              EFAULT);
  kill(child, SIGKILL);
  next_status(child);
  // A fatal signal that is passed on kills.
  child = traced_child(work);
  CHECK(kill(child, SIGTERM) == 0);
  CHECK(is_stop(go_on(child, 0), SIGTERM));
  status = go_on(child, SIGTERM);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  return finish();
}
