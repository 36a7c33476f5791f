// ptrace(2), PTRACE_O_*: events of fork, vfork, clone, exec and exit, what PTRACE_GETEVENTMSG says,
// and that new children are attached.
#include "ptrace.h"

#include <pthread.h>
#include <sys/prctl.h>

static const unsigned long all = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                                 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                                 PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT;

static void *thread(void *argument) {
  return argument;
}

static void forks(void) {
  pid_t child = fork();
  if (child == 0)
    _exit(3);
  int status;
  waitpid(child, &status, 0);
  _exit(WEXITSTATUS(status));
}

static void vforks(void) {
  pid_t child = vfork();
  if (child == 0)
    _exit(4);
  int status;
  waitpid(child, &status, 0);
  _exit(WEXITSTATUS(status));
}

static void makes_thread(void) {
  pthread_t id;
  if (pthread_create(&id, NULL, thread, NULL) != 0)
    _exit(1);
  pthread_join(id, NULL);
  _exit(5);
}

static void execs(void) {
  execl("/bin/true", "true", NULL);
  _exit(1);
}

static unsigned long message_of(pid_t pid) {
  unsigned long message = 0;
  NEED(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message) == 0);
  return message;
}

static int go_on(pid_t pid) {
  NEED(trace(PTRACE_CONT, pid, 0, 0) == 0);
  return next_status(pid);
}

/// A new child's first stop, then its end.
static void follow(pid_t pid, int code) {
  CHECK(is_stop(next_status(pid), SIGSTOP));
  int status = go_on(pid);
  CHECK(is_event(status, PTRACE_EVENT_EXIT));
  CHECK(message_of(pid) == (unsigned long)code << 8);
  status = go_on(pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

int main(void) {
  // fork
  pid_t child = traced_child(forks);
  CHECK_ERRNO(trace(PTRACE_SETOPTIONS, child, 0, 1UL << 30), EINVAL);
  CHECK(trace(PTRACE_SETOPTIONS, child, 0, all) == 0);
  CHECK(is_event(go_on(child), PTRACE_EVENT_FORK));
  siginfo_t info;
  CHECK(trace(PTRACE_GETSIGINFO, child, 0, (unsigned long)&info) == 0 && info.si_signo == SIGTRAP &&
        info.si_code == (SIGTRAP | PTRACE_EVENT_FORK << 8));
  pid_t born = (pid_t)message_of(child);
  CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
  follow(born, 3);
  // "A zombie tracee that isn't the tracer's child is its parent's once the tracer has waited".
  CHECK(is_stop(next_status(child), SIGCHLD));
  CHECK(is_event(go_on(child), PTRACE_EVENT_EXIT));
  int status = go_on(child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);

  // vfork
  child = traced_child(vforks);
  CHECK(trace(PTRACE_SETOPTIONS, child, 0, all) == 0);
  CHECK(is_event(go_on(child), PTRACE_EVENT_VFORK));
  born = (pid_t)message_of(child);
  CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
  follow(born, 4);
  CHECK(is_event(next_status(child), PTRACE_EVENT_VFORK_DONE));
  CHECK((pid_t)message_of(child) == born);
  CHECK(is_stop(go_on(child), SIGCHLD));
  CHECK(is_event(go_on(child), PTRACE_EVENT_EXIT));
  status = go_on(child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);

  // clone
  child = traced_child(makes_thread);
  CHECK(trace(PTRACE_SETOPTIONS, child, 0, all) == 0);
  CHECK(is_event(go_on(child), PTRACE_EVENT_CLONE));
  born = (pid_t)message_of(child);
  CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
  CHECK(is_stop(next_status(born), SIGSTOP));
  CHECK(is_event(go_on(born), PTRACE_EVENT_EXIT));
  // A dead thread is a zombie for its tracer alone. Its own status is 0, the group's is 5: the
  // tracer is told the group's when the joining thread was quick enough to end the group
  // (wait_task_zombie does so).
  status = go_on(born);
  CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 5));
  CHECK(is_event(next_status(child), PTRACE_EVENT_EXIT));
  status = go_on(child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);

  // exec, with the event and without: "will be sent a SIGTRAP"
  child = traced_child(execs);
  CHECK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXEC) == 0);
  CHECK(is_event(go_on(child), PTRACE_EVENT_EXEC));
  CHECK((pid_t)message_of(child) == child);
  status = go_on(child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  child = traced_child(execs);
  CHECK(is_stop(go_on(child), SIGTRAP));
  CHECK(trace(PTRACE_GETSIGINFO, child, 0, (unsigned long)&info) == 0 && info.si_code == SI_USER);
  status = go_on(child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);

  // A killed tracee stops at its end too.
  child = traced_child(execs);
  CHECK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT) == 0);
  CHECK(kill(child, SIGTERM) == 0 && is_stop(go_on(child), SIGTERM));
  CHECK(trace(PTRACE_CONT, child, 0, SIGTERM) == 0);
  CHECK(is_event(next_status(child), PTRACE_EVENT_EXIT) && message_of(child) == SIGTERM);
  status = go_on(child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  return finish();
}
