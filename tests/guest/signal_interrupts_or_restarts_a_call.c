// signal(7): "If a blocked call to one of the following interfaces is interrupted by a signal
// handler, then the call is automatically restarted after the signal handler returns if the
// SA_RESTART flag was used; otherwise the call fails with the error EINTR"; never restarted: poll,
// select, epoll_wait, nanosleep...
#include "check.h"

#include <poll.h>
#include <sys/select.h>

static volatile int handled;
static void handler(int number) {
  handled = number;
}
static void in_a_moment(int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  NEED(sigaction(SIGALRM, &action, NULL) == 0);
  handled = 0;
  struct itimerval time = {{0, 0}, {0, 30000}};
  NEED(setitimer(ITIMER_REAL, &time, NULL) == 0);
}
int main(void) {
  int fds[2];
  char byte;
  NEED(pipe(fds) == 0);
  in_a_moment(0);
  CHECK_ERRNO(read(fds[0], &byte, 1), EINTR);
  CHECK(handled == SIGALRM);
  in_a_moment(SA_RESTART);
  pid_t child = fork();
  if (child == 0) {
    sleep_ms(120);
    NEED(write(fds[1], "x", 1) == 1);
    _exit(0);
  }
  CHECK(read(fds[0], &byte, 1) == 1 && byte == 'x' && handled == SIGALRM);
  CHECK(waitpid(child, NULL, 0) == child);
  child = fork();
  if (child == 0) {
    sleep_ms(120);
    _exit(0);
  }
  in_a_moment(0);
  CHECK_ERRNO(waitpid(child, NULL, 0), EINTR);
  in_a_moment(SA_RESTART);
  CHECK(waitpid(child, NULL, 0) == child && handled == SIGALRM);
  in_a_moment(SA_RESTART);
  struct pollfd poller = {.fd = fds[0], .events = POLLIN};
  CHECK_ERRNO(poll(&poller, 1, 10000), EINTR);
  in_a_moment(SA_RESTART);
  fd_set set;
  FD_ZERO(&set);
  FD_SET(fds[0], &set);
  CHECK_ERRNO(select(fds[0] + 1, &set, NULL, NULL, NULL), EINTR);
  in_a_moment(SA_RESTART);
  CHECK_ERRNO(pause(), EINTR);
  in_a_moment(SA_RESTART);
  struct timespec time = {10, 0}, left = {0, 0};
  CHECK_ERRNO(nanosleep(&time, &left), EINTR);
  CHECK(left.tv_sec == 9 && left.tv_nsec > 800000000);
  in_a_moment(SA_RESTART);
  sigset_t nothing;
  sigemptyset(&nothing);
  CHECK_ERRNO(sigsuspend(&nothing), EINTR);
  return finish();
}
