// pipe(7): a read of an empty pipe and a write to a full one block until the other side acts; data
// of many writers is not mixed up to PIPE_BUF bytes.
#include "check.h"

int main(void) {
  int fds[2];
  NEED(pipe(fds) == 0);
  enum { writers = 4, messages = 500, size = 512 };
  for (int w = 0; w < writers; ++w)
    if (fork() == 0) {
      char message[size];
      memset(message, 'a' + w, size);
      for (int i = 0; i < messages; ++i)
        if (write(fds[1], message, size) != size)
          _exit(1);
      _exit(0);
    }
  close(fds[1]);
  int counts[writers] = {0}, whole = 1;
  char message[size];
  for (;;) {
    size_t have = 0;
    while (have < size) {
      ssize_t got = read(fds[0], message + have, size - have);
      if (got <= 0)
        break;
      have += (size_t)got;
    }
    if (have == 0)
      break;
    for (int i = 1; i < size; ++i)
      whole = whole && message[i] == message[0];
    if (message[0] >= 'a' && message[0] < 'a' + writers)
      ++counts[message[0] - 'a'];
  }
  CHECK_THAT(whole, "no message was mixed with another");
  CHECK(counts[0] == messages && counts[1] == messages && counts[2] == messages &&
        counts[3] == messages);
  int status, good = 1;
  while (wait(&status) > 0)
    good = good && status == 0;
  CHECK(good);
  return finish();
}
