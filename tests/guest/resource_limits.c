// getrlimit(2), prlimit(2): soft and hard; only a privileged process raises the hard limit;
// RLIMIT_FSIZE sends SIGXFSZ; RLIMIT_CPU sends SIGXCPU.
#include "check.h"

int main(void) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= limit.rlim_max);
  limit = (struct rlimit){20, 10};
  CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &limit), EINVAL);
  CHECK_ERRNO(getrlimit(99, &limit), EINVAL);
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  struct rlimit mine = {30, 40}, old;
  CHECK(prlimit(child, RLIMIT_NOFILE, &mine, &old) == 0 &&
        prlimit(child, RLIMIT_NOFILE, NULL, &old) == 0 && old.rlim_cur == 30 && old.rlim_max == 40);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  IN_CHILD({
    NEED(setuid(1000) == 0);
    limit = (struct rlimit){10, 20};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 20;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_max = 30;
    CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &limit), EPERM);
  });
  IN_CHILD({
    int file = open("file", O_WRONLY | O_CREAT, 0600);
    limit = (struct rlimit){100, 100};
    NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    static char block[200];
    CHECK(write(file, block, 200) == 100);
    CHECK(SIGNAL_THAT_KILLS(write(file, block, 1) == 1 ? _exit(1) : _exit(2)) == SIGXFSZ);
    signal(SIGXFSZ, SIG_IGN);
    CHECK_ERRNO(write(file, block, 1), EFBIG);
  });
  limit = (struct rlimit){1, 3};
  CHECK(SIGNAL_THAT_KILLS(NEED(setrlimit(RLIMIT_CPU, &limit) == 0);
                          for (volatile long i = 0;; ++i){}) == SIGXCPU);
  // getrlimit(2), RLIMIT_SIGPENDING: "enforced for sigqueue(3)"; kill(2) still queues one instance;
  // a POSIX timer needs room for its signal (timer_create(2), EAGAIN).
  IN_CHILD({
    struct rlimit three = {3, 3};
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    NEED(setrlimit(RLIMIT_SIGPENDING, &three) == 0);
    union sigval value = {0};
    int queued = 0;
    while (queued < 10000 && sigqueue(getpid(), SIGRTMIN, value) == 0)
      ++queued;
    CHECK(queued < 10000 && errno == EAGAIN);
    sigset_t pending;
    CHECK(kill(getpid(), SIGRTMIN + 1) == 0 && sigpending(&pending) == 0 &&
          sigismember(&pending, SIGRTMIN + 1));
    timer_t timer;
    CHECK_ERRNO(timer_create(CLOCK_REALTIME, NULL, &timer), EAGAIN);
  });
  return finish();
}
