// Maps its standard input, a file of the host's, until the file begins with 'u', and ends when it
// begins with 'e'.
#define _GNU_SOURCE
#include "guest.h"

#include <sys/mman.h>

static void wait_for(char wanted) {
  for (char first = 0; first != wanted; usleep(1000))
    if (pread(0, &first, 1, 0) != 1)
      _exit(1);
}

int main(void) {
  const char *const map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, 0, 0);
  if (map == MAP_FAILED || map[0] != 'm')
    return 1;
  say("mapped");
  wait_for('u');
  munmap((void *)map, 4096);
  say("unmapped");
  wait_for('e');
  say("goes on");
  return 0;
}
