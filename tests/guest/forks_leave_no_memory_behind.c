// When a child is reaped, all that it had is free again: thousands of forks do not make the parent
// grow.
#include "check.h"

static long rss_kb(void) {
  char line[256];
  long kb = -1;
  FILE *file = fopen("/proc/self/status", "r");
  NEED(file);
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "VmRSS: %ld", &kb) == 1)
      break;
  fclose(file);
  return kb;
}
static long free_kb(void) {
  char line[256];
  long kb = -1;
  FILE *file = fopen("/proc/meminfo", "r");
  NEED(file);
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "MemAvailable: %ld", &kb) == 1)
      break;
  fclose(file);
  return kb;
}
int main(void) {
  enum { size = 4 << 20 };
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memset(memory, 1, size);
  IN_CHILD({});
  long before = rss_kb(), available = free_kb();
  for (int i = 0; i < 300; ++i) {
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
      memset(memory, 2, size);
      _exit(memory[size - 1] != 2);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child && status == 0);
  }
  CHECK(rss_kb() - before < 1024);
  CHECK_THAT(available - free_kb() < 600 * 1024, "300 children of 4 MiB did not eat 1.2 GiB");
  return finish();
}
