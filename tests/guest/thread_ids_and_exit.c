// clone(2): CLONE_THREAD: one process id, own thread ids; exit(2) ends the thread, exit_group(2)
// all; the leader's exit leaves the others running.
#include "check.h"

#include <pthread.h>

static volatile pid_t thread_id, process_id, parent_id;
static void *body(void *unused) {
  thread_id = gettid();
  process_id = getpid();
  parent_id = getppid();
  return unused;
}
static void *late(void *unused) {
  (void)unused;
  sleep_ms(50);
  exit(9);
}
int main(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, body, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(process_id == getpid());
  CHECK(thread_id != getpid());
  CHECK(parent_id == getppid());
  CHECK_ERRNO(tgkill(getpid(), thread_id, 0), ESRCH);
  CHECK(tgkill(getpid(), gettid(), 0) == 0);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    NEED(pthread_create(&thread, NULL, late, NULL) == 0);
    syscall(SYS_exit, 1);
  }
  int status;
  CHECK_THAT(waitpid(child, &status, WNOHANG) == 0, "the process lives while a thread does");
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 9);
  return finish();
}
