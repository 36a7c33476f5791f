// What must differ in a copy, and what must not.
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

static void print_file(const char *name, const char *path) {
  char text[128] = "";
  const int fd = open(path, O_RDONLY);
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length > 0)
    text[length - 1] = 0;
  say("%s %s", name, text);
}

int main(void) {
  char *wiped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *kept = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *not_forked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(wiped, 4096, MADV_WIPEONFORK);
  madvise(not_forked, 4096, MADV_DONTFORK);
  *wiped = *kept = *not_forked = 1;
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  struct stat root;
  stat("/dev/null", &root);
  say("ready");
  next_line();
  unsigned long random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random)
    return 1;
  clock_gettime(CLOCK_MONOTONIC, &after);
  struct stat again;
  stat("/dev/null", &again);
  say("random %lx", random);
  print_file("boot_id", "/proc/sys/kernel/random/boot_id");
  say("wiped %d", *wiped);
  say("kept %d", *kept + *not_forked);
  say("pid %d", (int)getpid());
  say("clock %s",
      after.tv_sec - before.tv_sec < 20 && after.tv_sec >= before.tv_sec ? "goes on" : "jumped");
  say("same file %d", root.st_ino == again.st_ino && root.st_dev == again.st_dev);
  say("done");
  return 0;
}
