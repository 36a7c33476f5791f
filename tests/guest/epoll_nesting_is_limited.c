// epoll_ctl(2): "ELOOP: … a nesting depth of epoll instances greater than 5", from wherever the
// chain is made longer.
#include "check.h"

#include <sys/epoll.h>

static int add(int outer, int inner) {
  struct epoll_event event = {.events = EPOLLIN};
  return epoll_ctl(outer, EPOLL_CTL_ADD, inner, &event);
}

int main(void) {
  int down[6], up[6];
  for (int i = 0; i < 6; ++i)
    NEED((down[i] = epoll_create1(0)) >= 0 && (up[i] = epoll_create1(0)) >= 0);
  for (int i = 0; i < 4; ++i)
    CHECK(add(down[i], down[i + 1]) == 0);
  CHECK_ERRNO(add(down[4], down[5]), ELOOP);
  for (int i = 0; i < 4; ++i)
    CHECK(add(up[i + 1], up[i]) == 0);
  CHECK_ERRNO(add(up[5], up[4]), ELOOP);
  CHECK_ERRNO(add(down[4], down[0]), ELOOP);
  return finish();
}
