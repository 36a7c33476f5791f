// proc(5): /proc/pid/smaps_rollup: after fork the pages are shared; a write makes one's own copy
// private.
#include "check.h"

static long value(const char *name) {
  char line[256];
  long kb = -1;
  size_t length = strlen(name);
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  NEED(file);
  while (fgets(line, sizeof line, file))
    if (strncmp(line, name, length) == 0 && line[length] == ':')
      kb = atol(line + length + 1);
  fclose(file);
  return kb;
}
int main(void) {
  enum { size = 16 << 20 };
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED && madvise(memory, size, MADV_NOHUGEPAGE) == 0);
  memset(memory, 1, size);
  long before = value("Private_Dirty");
  CHECK(value("Rss") >= size / 1024);
  CHECK(before >= size / 1024);
  IN_CHILD({
    CHECK(value("Shared_Dirty") >= size / 1024 - 64);
    long own = value("Private_Dirty");
    CHECK(own < 512);
    memset(memory, 2, 4 << 20);
    CHECK(value("Private_Dirty") - own >= 4096 && value("Private_Dirty") - own < 4096 + 256);
    CHECK(value("Pss") < size / 1024 && value("Pss") > size / 2048);
  });
  CHECK_THAT(value("Private_Dirty") >= before,
             "when the child is gone, all is the parent's own again");
  return finish();
}
