// epoll_ctl(2), EPOLLEXCLUSIVE: "one or more of the epoll file descriptors will receive an event",
// instead of all; used against thundering herds.
#include "check.h"

#include <sys/epoll.h>

int main(void) {
  int pipes[2], woken[2];
  NEED(pipe(pipes) == 0 && pipe(woken) == 0);
  pid_t children[4];
  struct bell ready = new_bell();
  for (int i = 0; i < 4; ++i) {
    children[i] = fork();
    NEED(children[i] >= 0);
    if (children[i] == 0) {
      int epoll = epoll_create1(0);
      struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
      NEED(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &event) == 0);
      CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_MOD, pipes[0], &event), EINVAL);
      tell(ready);
      if (epoll_wait(epoll, &event, 1, -1) == 1)
        NEED(write(woken[1], "!", 1) == 1);
      pause();
    }
  }
  for (int i = 0; i < 4; ++i)
    hear(ready);
  sleep_ms(100); // all in epoll_wait
  NEED(write(pipes[1], "x", 1) == 1);
  char marks[8];
  NEED(read(woken[0], marks, 1) == 1);
  sleep_ms(100);
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, woken[0], &event) == 0);
  CHECK_THAT(epoll_wait(epoll, &event, 1, 0) == 0, "one of four was woken");
  struct epoll_event bad = {.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT};
  CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &bad), EINVAL);
  for (int i = 0; i < 4; ++i) {
    kill(children[i], SIGKILL);
    waitpid(children[i], NULL, 0);
  }
  return finish();
}
