// FORK.md 2: the owner's own I/O buffer must not part from its mapping: what a blocked read brings
// after a fork arrives in the reader's memory, and not in the child's.
#include "check.h"

#include <pthread.h>

static char *buffer;
static int fds[2];
static void *reader(void *unused) {
  long total = 0;
  while (total < 3 * 4096) {
    ssize_t got = read(fds[0], buffer + total, (size_t)(3 * 4096 - total));
    NEED(got > 0);
    total += got;
  }
  return unused;
}
int main(void) {
  buffer = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(buffer != MAP_FAILED && pipe(fds) == 0);
  memset(buffer, 'o', 3 * 4096);
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, reader, NULL) == 0);
  sleep_ms(20);
  struct bell written = new_bell();
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    hear(written);
    int old = 1;
    for (int i = 0; i < 3 * 4096; ++i)
      old = old && buffer[i] == 'o';
    CHECK_THAT(old, "the child has what was there at the fork");
    _exit(check_failures);
  }
  static char block[3 * 4096];
  memset(block, 'n', sizeof block);
  NEED(write(fds[1], block, 5000) == 5000);
  buffer[3 * 4096 - 1] = 'm'; // the parent's own write to a page that the reader will fill
  NEED(write(fds[1], block, sizeof block - 5000) == (ssize_t)sizeof block - 5000);
  pthread_join(thread, NULL);
  CHECK_THAT(memcmp(buffer, block, sizeof block) == 0, "the reader has all of it");
  tell(written);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  return finish();
}
