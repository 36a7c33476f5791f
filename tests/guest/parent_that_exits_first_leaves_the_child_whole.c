// fork(2): the memory that was shared belongs to whoever is left, down the generations.
#include "check.h"

int main(void) {
  enum { size = 2 << 20 };
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  for (int i = 0; i < size; i += 4096)
    memory[i] = (char)(i >> 12);
  struct bell done = new_bell();
  for (int depth = 0; depth < 12; ++depth) {
    pid_t child = fork();
    NEED(child >= 0);
    if (child != 0) {
      if (depth == 0) {
        NEED(waitpid(child, NULL, 0) == child);
        char good;
        CHECK(read(done.fds[0], &good, 1) == 1 && good == 'g');
        return finish();
      }
      _exit(0);
    }
    memory[depth * 4096] = 'w';
  }
  sleep_ms(30);
  int good = 1;
  for (int i = 0; i < size; i += 4096)
    good = good && memory[i] == ((i >> 12) < 12 ? 'w' : (char)(i >> 12));
  NEED(write(done.fds[1], good ? "g" : "b", 1) == 1);
  return 0;
}
