// fork(2): "The child process is created with a single thread—the one that called fork(). The
// entire virtual address space of the parent is replicated in the child, including the states of
// mutexes".
#include "check.h"

#include <dirent.h>
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int counter, quit;
static void *count(void *unused) {
  pthread_mutex_lock(&mutex);
  while (!quit) {
    ++counter;
    sched_yield();
  }
  pthread_mutex_unlock(&mutex);
  return unused;
}
static int tasks(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/task");
  NEED(folder);
  for (struct dirent *entry; (entry = readdir(folder));)
    count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}
int main(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, count, NULL) == 0);
  while (counter == 0)
    sched_yield();
  CHECK(tasks() == 2);
  IN_CHILD({
    CHECK(tasks() == 1);
    int before = counter;
    sleep_ms(30);
    CHECK_THAT(counter == before, "no other thread runs in the child");
    CHECK_THAT(pthread_mutex_trylock(&mutex) == EBUSY, "its mutex is held by nobody");
  });
  quit = 1;
  CHECK(pthread_join(thread, NULL) == 0);
  return finish();
}
