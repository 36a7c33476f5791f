// Says where a value of its is, and at each line what it is.
#include "guest.h"

static volatile int value = 41;

int main(void) {
  say("%lx", (unsigned long)&value);
  for (;;) {
    if (strcmp(next_line(), "exit") == 0)
      return value;
    say("%d", value);
  }
}
