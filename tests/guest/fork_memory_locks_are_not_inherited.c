// fork(2): "The child does not inherit its parent's memory locks (mlock(2), mlockall(2))."
#include "check.h"

static long locked_kb(void) {
  char line[256];
  long value = -1;
  FILE *file = fopen("/proc/self/status", "r");
  NEED(file);
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "VmLck: %ld kB", &value) == 1)
      break;
  fclose(file);
  return value;
}
int main(void) {
  char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  NEED(mlock(memory, 8192) == 0);
  CHECK(locked_kb() == 8);
  IN_CHILD(CHECK(locked_kb() == 0););
  CHECK(locked_kb() == 8);
  CHECK(munlock(memory, 8192) == 0);
  CHECK(locked_kb() == 0);
  return finish();
}
