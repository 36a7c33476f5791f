// Counts the lines that it gets, in memory of each kind, and says the number.
#include "guest.h"

#include <sys/mman.h>

static int in_data;

int main(void) {
  int *in_heap = calloc(1, 1 << 20);
  int *anonymous = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int on_stack = 0;
  for (;;) {
    const char *line = next_line();
    if (strcmp(line, "exit") == 0)
      return in_data;
    ++in_data, ++*in_heap, ++on_stack, ++*anonymous;
    if (in_data != *in_heap || in_data != on_stack || in_data != *anonymous)
      say("WRONG counters differ");
    say("%s %d", line, in_data);
  }
}
