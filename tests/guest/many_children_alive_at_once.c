// fork(2): each of many living children has its own memory; they end in any order.
#include "check.h"

enum { children = 400 };
int main(void) {
  int fds[2], go[2];
  NEED(pipe(fds) == 0 && pipe(go) == 0);
  volatile int *memory =
      mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memory[0] = memory[1024] = -1;
  for (int i = 0; i < children; ++i) {
    memory[2048] = i;
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
      close(go[1]);
      memory[0] = i;
      char byte;
      NEED(read(go[0], &byte, 1) == 0);
      int good = memory[0] == i && memory[1024] == -1 && memory[2048] == i;
      NEED(write(fds[1], good ? "g" : "b", 1) == 1);
      _exit(0);
    }
  }
  CHECK(memory[0] == -1);
  close(go[1]);
  close(fds[1]);
  int good = 0;
  char byte;
  while (read(fds[0], &byte, 1) == 1)
    good += byte == 'g';
  CHECK(good == children);
  int reaped = 0;
  while (wait(NULL) > 0)
    ++reaped;
  CHECK(reaped == children);
  return finish();
}
