// fifo(7): open blocks until the other end is open; O_WRONLY | O_NONBLOCK without a reader is
// ENXIO.
#include "check.h"

int main(void) {
  NEED(mkfifo("fifo", 0600) == 0);
  CHECK_ERRNO(mkfifo("fifo", 0600), EEXIST);
  CHECK_ERRNO(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
  struct stat state;
  CHECK(stat("fifo", &state) == 0 && S_ISFIFO(state.st_mode));
  pid_t child = fork();
  if (child == 0) {
    int out = open("fifo", O_WRONLY);
    _exit(write(out, "through", 7) != 7);
  }
  int in = open("fifo", O_RDONLY);
  char text[16] = "";
  CHECK(in >= 0 && read(in, text, 16) == 7 && strcmp(text, "through") == 0);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(read(in, text, 16) == 0);
  int again = open("fifo", O_RDONLY | O_NONBLOCK);
  CHECK(again >= 0 && read(again, text, 16) == 0);
  CHECK(open("fifo", O_WRONLY | O_NONBLOCK) >= 0);
  return finish();
}
