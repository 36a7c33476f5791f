// mq_overview(7): "After a fork(2), a child inherits copies of its parent's message queue
// descriptors, and these descriptors refer to the same open message queue descriptions";
// notifications are not inherited.
#include "check.h"

#include <mqueue.h>

int main(void) {
  struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 16}, got;
  mqd_t queue = mq_open("/tine-guest-test", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes);
  NEED(queue != (mqd_t)-1);
  CHECK(mq_unlink("/tine-guest-test") == 0);
  char text[16];
  IN_CHILD({
    CHECK(mq_send(queue, "low", 4, 1) == 0);
    CHECK(mq_send(queue, "high", 5, 9) == 0);
    struct mq_attr blocking = {0};
    CHECK(mq_setattr(queue, &blocking, NULL) == 0);
  });
  CHECK(mq_getattr(queue, &got) == 0 && got.mq_flags == 0 && got.mq_curmsgs == 2);
  unsigned priority;
  CHECK(mq_receive(queue, text, sizeof text, &priority) == 5 && strcmp(text, "high") == 0 &&
        priority == 9);
  CHECK(mq_receive(queue, text, sizeof text, &priority) == 4 && strcmp(text, "low") == 0);
  return finish();
}
