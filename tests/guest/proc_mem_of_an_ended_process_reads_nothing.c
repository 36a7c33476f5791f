// proc(5): /proc/pid/mem and pagemap show an address space. While one is open here, its process
// ends or executes another program: nothing can be read any more, and new processes are not
// disturbed.
#include "check.h"

enum { rounds = 40 };

static int open_file(pid_t pid, const char *name, int flags) {
  char path[40];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  return open(path, flags);
}

/// A child that writes to much of its memory, after `go`; then it ends or becomes /bin/true.
static pid_t start_child(struct bell go, char *memory, int executes) {
  pid_t child = fork();
  NEED(child >= 0);
  if (child != 0)
    return child;
  hear(go);
  memset(memory, 'c', 64 * 4096);
  if (executes)
    execl("/bin/true", "true", (char *)NULL);
  _exit(0);
}

int main(void) {
  char *memory = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memset(memory, 'p', 64 * 4096);
  int empty = 1, refused = 1, well = 1, unchanged = 1;
  for (int round = 0; round < rounds; ++round) {
    struct bell go = new_bell();
    const pid_t child = start_child(go, memory, round % 2);
    const int mem = open_file(child, "mem", O_RDWR),
              pagemap = open_file(child, "pagemap", O_RDONLY);
    NEED(mem >= 0 && pagemap >= 0);
    char byte = 0;
    uint64_t entry = 0;
    NEED(pread(mem, &byte, 1, (off_t)(uintptr_t)memory) == 1);
    tell(go);
    int status = -1;
    well &= waitpid(child, &status, 0) == child && status == 0;
    empty &= pread(mem, &byte, 1, (off_t)(uintptr_t)memory) == 0;
    empty &= pread(pagemap, &entry, 8, (off_t)((uintptr_t)memory / 4096 * 8)) == 0;
    refused &= pwrite(mem, "x", 1, (off_t)(uintptr_t)memory) == 0;
    close(mem);
    close(pagemap);
    unchanged &= memory[0] == 'p' && memory[63 * 4096] == 'p';
  }
  CHECK(empty);
  CHECK(refused);
  CHECK(well);
  CHECK(unchanged);
  return finish();
}
