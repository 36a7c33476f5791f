// getrusage(2): "ru_maxrss … the maximum resident set size used (in kilobytes)"; of children: "the
// resident set size of the largest child".
#include "check.h"

enum { megabyte = 1 << 20 };
static long most(int who) {
  struct rusage usage;
  NEED(getrusage(who, &usage) == 0);
  return usage.ru_maxrss;
}
static void touch(size_t bytes) {
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  for (size_t at = 0; at < bytes; at += 4096)
    memory[at] = 1;
}

int main(int argc, char **argv) {
  if (argc > 1) {
    touch((size_t)atoi(argv[1]) * megabyte);
    return 0;
  }
  long before = most(RUSAGE_SELF);
  CHECK(before > 100 && before < 100000);
  touch(20 * megabyte);
  CHECK(most(RUSAGE_SELF) >= 20000 && most(RUSAGE_SELF) < before + 60000);
  CHECK(most(RUSAGE_CHILDREN) == 0);
  for (int size = 60; size >= 30; size -= 30) {
    pid_t child = fork();
    if (child == 0) {
      char number[8];
      snprintf(number, sizeof number, "%d", size);
      execl("/proc/self/exe", "again", number, NULL);
      _exit(9);
    }
    int status;
    struct rusage usage;
    CHECK(wait4(child, &status, 0, &usage) == child && status == 0);
    CHECK(usage.ru_maxrss >= size * 1000 && usage.ru_maxrss < size * 1000 + 100000);
  }
  CHECK(most(RUSAGE_CHILDREN) >= 60000);
  // What was given back counts, and what a child without execve used.
  for (int round = 0; round < 2; ++round) {
    char *memory =
        mmap(NULL, 90 * megabyte, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(memory != MAP_FAILED);
    for (size_t at = 0; at < 90 * megabyte; at += 4096)
      memory[at] = 1;
    if (round == 0)
      CHECK(munmap(memory, 90 * megabyte) == 0);
    else
      CHECK(madvise(memory, 90 * megabyte, MADV_DONTNEED) == 0);
    CHECK(most(RUSAGE_SELF) >= 90000 && most(RUSAGE_SELF) < before + 160000);
  }
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    touch(150 * megabyte);
    _exit(0);
  }
  CHECK(waitpid(child, NULL, 0) == child && most(RUSAGE_CHILDREN) >= 150000);
  return finish();
}
