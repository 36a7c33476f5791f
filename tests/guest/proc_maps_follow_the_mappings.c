// proc(5): /proc/self/maps and smaps_rollup: what is mapped, with which permissions, shared or
// private.
#include "check.h"

static int line_of(char *address, char *found, size_t size) {
  char line[512];
  FILE *file = fopen("/proc/self/maps", "r");
  NEED(file);
  int there = 0;
  while (fgets(line, sizeof line, file)) {
    unsigned long start, end;
    if (sscanf(line, "%lx-%lx", &start, &end) == 2 && (unsigned long)address >= start &&
        (unsigned long)address < end) {
      snprintf(found, size, "%lu %.4s", (end - start) / 4096, strchr(line, ' ') + 1);
      there = 1;
    }
  }
  fclose(file);
  return there;
}
int main(void) {
  char text[64] = "";
  char *area = mmap((void *)0x200000000, 16 * 4096, PROT_READ,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  NEED(area != MAP_FAILED);
  CHECK(line_of(area, text, sizeof text) && strcmp(text, "16 r--s") == 0);
  NEED(munmap(area + 8 * 4096, 4096) == 0);
  CHECK(line_of(area, text, sizeof text) && strcmp(text, "8 r--s") == 0);
  CHECK(!line_of(area + 8 * 4096, text, sizeof text));
  NEED(mmap(area, 4 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area);
  CHECK(line_of(area, text, sizeof text) && strcmp(text, "4 rwxp") == 0);
  NEED(mprotect(area + 4096, 4096, PROT_NONE) == 0);
  CHECK(line_of(area + 4096, text, sizeof text) && strcmp(text, "1 ---p") == 0);
  NEED(mprotect(area + 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
  CHECK_THAT(line_of(area, text, sizeof text) && strcmp(text, "4 rwxp") == 0,
             "neighbours of one kind merge");
  IN_CHILD(CHECK(line_of(area, text, sizeof text) && strcmp(text, "4 rwxp") == 0));
  return finish();
}
