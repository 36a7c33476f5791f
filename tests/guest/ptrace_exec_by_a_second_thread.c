// ptrace(2), "execve(2) under ptrace": the thread takes over the process's id; other threads are
// gone; the event says what its id was. Threads that end are reported to the tracer by their ids.
#include "ptrace.h"

#include <pthread.h>

static void *execs(void *argument) {
  execl("/bin/true", "true", NULL);
  return argument;
}
static void *sleeps(void *argument) {
  sleep_ms(60000);
  return argument;
}

static void work(void) {
  pthread_t one, two;
  pthread_create(&one, NULL, sleeps, NULL);
  pthread_create(&two, NULL, execs, NULL);
  pthread_join(one, NULL);
}

int main(void) {
  pid_t child = traced_child(work);
  CHECK(trace(PTRACE_SETOPTIONS, child, 0,
              PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD) == 0);
  CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
  pid_t threads[2] = {0, 0};
  int made = 0, thread_ends = 0, execed = 0, status;
  unsigned long old = 0;
  while (!execed) {
    pid_t pid = waitpid(-1, &status, __WALL);
    NEED(pid > 0);
    if (is_event(status, PTRACE_EVENT_CLONE)) {
      unsigned long message = 0;
      NEED(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message) == 0 && made < 2);
      threads[made++] = (pid_t)message;
      NEED(trace(PTRACE_CONT, pid, 0, 0) == 0);
    } else if (is_stop(status, SIGSTOP)) {
      NEED(trace(PTRACE_CONT, pid, 0, 0) == 0);
    } else if (is_event(status, PTRACE_EVENT_EXEC)) {
      CHECK(pid == child);
      NEED(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&old) == 0);
      execed = 1;
    } else if (WIFEXITED(status) || WIFSIGNALED(status)) {
      CHECK(pid == threads[0]);
      ++thread_ends;
    } else {
      CHECK_THAT(0, "an unexpected stop");
      return 1;
    }
  }
  CHECK(made == 2);
  CHECK((pid_t)old == threads[1]);
  CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
  // The thread that slept may be reported on either side of the event; the leader's end isn't.
  int end = 0;
  while (!end) {
    pid_t pid = waitpid(-1, &status, __WALL);
    NEED(pid > 0);
    if (pid == child) {
      CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
      end = 1;
    } else {
      CHECK_THAT(pid == threads[0], "pid == threads[0]");
      ++thread_ends;
    }
  }
  CHECK(thread_ends == 1);
  CHECK_ERRNO(waitpid(-1, &status, __WALL), ECHILD);
  return finish();
}
