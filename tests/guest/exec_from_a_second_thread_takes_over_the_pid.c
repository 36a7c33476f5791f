// execve(2): "All threads other than the calling thread are destroyed during an execve()"; the
// caller takes the leader's thread id, so that the process id does not change.
#include "check.h"

#include <pthread.h>

static char process[16];
static void *other(void *argument) {
  for (;;)
    sleep_ms(1000);
  return argument;
}
static void *caller(void *argument) {
  execl("/proc/self/exe", "again", process, NULL);
  return argument;
}
int main(int argc, char **argv) {
  if (argc > 1) {
    CHECK(getpid() == atoi(argv[1]));
    CHECK(gettid() == getpid());
    CHECK(access("/proc/self/task", F_OK) == 0);
    struct stat state;
    CHECK_THAT(stat("/proc/self/task", &state) == 0 && state.st_nlink == 3, "one task is left");
    return finish();
  }
  snprintf(process, sizeof process, "%d", getpid());
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, other, NULL) == 0);
  NEED(pthread_create(&thread, NULL, caller, NULL) == 0);
  pthread_join(thread, NULL);
  NEED(0);
}
