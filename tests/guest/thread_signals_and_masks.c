// pthreads(7), signal(7): masks are each thread's; a process-directed signal goes to a thread that
// does not block it; tgkill goes to one thread.
#include "check.h"

#include <pthread.h>

static volatile pid_t handled_by;
static volatile pid_t thread_id;
static void handler(int number) {
  (void)number;
  handled_by = gettid();
}
static volatile int stop;
static void *body(void *unused) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  thread_id = gettid();
  while (!stop)
    sleep_ms(1);
  return unused;
}
static void wait_handled(void) {
  for (int i = 0; i < 5000 && !handled_by; ++i)
    sleep_ms(1);
}
int main(void) {
  pthread_t thread;
  signal(SIGUSR1, handler);
  signal(SIGUSR2, handler);
  sigset_t set, now;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  NEED(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
  NEED(pthread_create(&thread, NULL, body, NULL) == 0);
  while (!thread_id)
    sleep_ms(1);
  kill(getpid(), SIGUSR1);
  wait_handled();
  CHECK_THAT(handled_by == thread_id, "the thread that does not block it");
  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1));
  handled_by = 0;
  tgkill(getpid(), thread_id, SIGUSR2);
  wait_handled();
  CHECK(handled_by == thread_id);
  handled_by = 0;
  tgkill(getpid(), gettid(), SIGUSR2);
  CHECK(handled_by == gettid());
  stop = 1;
  pthread_join(thread, NULL);
  tgkill(getpid(), gettid(), SIGUSR1);
  CHECK(sigpending(&now) == 0 && sigismember(&now, SIGUSR1));
  return finish();
}
