// wait(2): "if the disposition of SIGCHLD is set to SIG_IGN or SA_NOCLDWAIT is set [...] children
// that terminate do not become zombies and a call to wait() [...] will block until all children
// have terminated, and then fail with errno set to ECHILD."
#include "check.h"

static volatile int handled;
static void handler(int number) {
  (void)number;
  ++handled;
}
int main(void) {
  int status;
  signal(SIGCHLD, SIG_IGN);
  int64_t start = monotonic_ns();
  pid_t child = fork();
  if (child == 0) {
    sleep_ms(40);
    _exit(1);
  }
  CHECK_ERRNO(wait(&status), ECHILD);
  CHECK(monotonic_ns() - start >= 40000000);
  CHECK_ERRNO(kill(child, 0), ESRCH);
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_NOCLDWAIT};
  NEED(sigaction(SIGCHLD, &action, NULL) == 0);
  child = fork();
  if (child == 0)
    _exit(1);
  while (waitpid(child, &status, 0) == -1 && errno == EINTR) {
  }
  CHECK(errno == ECHILD);
  CHECK_THAT(handled == 1, "the signal is sent all the same");
  return finish();
}
