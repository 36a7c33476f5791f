// Memory that processes of a box share is shared in each copy of the box, and not between copies.
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct Shared {
  int value, answer, turn;
};

static void wait_for(int *word, int value) {
  int seen;
  while ((seen = __atomic_load_n(word, __ATOMIC_SEQ_CST)) != value)
    syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
}
static void set(int *word, int value) {
  __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
  syscall(SYS_futex, word, FUTEX_WAKE, 100, NULL, NULL, 0);
}

int main(void) {
  struct Shared *anonymous =
      mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const int memory = memfd_create("m", 0);
  if (ftruncate(memory, 1 << 20) != 0)
    return 1;
  char *first = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  char *second = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  char *private = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE, memory, 0);
  memset(first, 'a', 1 << 20);
  private[5] = 'p';
  if (fork() == 0)
    for (;;) {
      wait_for(&anonymous->turn, 1);
      anonymous->answer = anonymous->value * 2;
      first[anonymous->value] = 'c';
      set(&anonymous->turn, 2);
    }
  for (;;) {
    const char *line = next_line();
    if (strcmp(line, "exit") == 0)
      return 0;
    const int value = atoi(line);
    anonymous->value = value;
    set(&anonymous->turn, 1);
    wait_for(&anonymous->turn, 2);
    char byte = 0;
    const ssize_t count = pread(memory, &byte, 1, value);
    int marked = 0;
    for (int i = 0; i < 1 << 20; ++i)
      marked += second[i] == 'c';
    say("answer %d read %d mapped %d marked %d private %d", anonymous->answer,
        count == 1 && byte == 'c', second[value] == 'c', marked, private[5] == 'p');
  }
}
