// Processes that fork, exec, exit and are waited for without pause, and threads that count under a
// lock: the box is forked in the midst of it.
#define _GNU_SOURCE
#include "guest.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct Counters {
  int stop;
  long started, finished;
};
static struct Counters *shared;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long first_count, second_count;

static void *count(void *unused) {
  while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST)) {
    pthread_mutex_lock(&mutex);
    ++first_count;
    ++second_count;
    if (first_count != second_count)
      say("WRONG counters under a lock");
    pthread_mutex_unlock(&mutex);
  }
  return unused;
}

static void storm(char *self) {
  for (long i = 0; !__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST); ++i) {
    __atomic_add_fetch(&shared->started, 1, __ATOMIC_SEQ_CST);
    const pid_t child = fork();
    if (child == 0) {
      if (i % 8 == 0) {
        execl(self, self, "child", (char *)NULL);
        _exit(1);
      }
      volatile int local = (int)i;
      _exit(local == (int)i ? 7 : 1);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7)
      say("WRONG child %d status %x errno %d", (int)child, status, errno);
    __atomic_add_fetch(&shared->finished, 1, __ATOMIC_SEQ_CST);
  }
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc > 1)
    return 7;
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  enum { processes = 3 };
  for (int i = 0; i < processes; ++i)
    if (fork() == 0)
      storm(argv[0]);
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i)
    pthread_create(&threads[i], NULL, count, NULL);
  say("ready");
  next_line();
  __atomic_store_n(&shared->stop, 1, __ATOMIC_SEQ_CST);
  for (int i = 0; i < 2; ++i)
    pthread_join(threads[i], NULL);
  int waited = 0;
  for (int status; wait(&status) > 0;)
    waited += WIFEXITED(status) && WEXITSTATUS(status) == 0;
  CHECK("storm", waited == processes && shared->started == shared->finished && first_count > 0);
  say("done");
  return 0;
}
