// pthread_mutexattr_setrobust(3): EOWNERDEAD to the next locker when the owner died; the same with
// PTHREAD_PRIO_INHERIT (futex PI operations).
#include "check.h"

#include <pthread.h>

static void with(int protocol, const char *what) {
  pthread_mutex_t *mutex =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_setprotocol(&attributes, protocol);
  NEED(pthread_mutex_init(mutex, &attributes) == 0);
  struct bell held = new_bell();
  pid_t child = fork();
  if (child == 0) {
    pthread_mutex_lock(mutex);
    tell(held);
    sleep_ms(50);
    _exit(0);
  }
  hear(held);
  CHECK_THAT(pthread_mutex_trylock(mutex) == EBUSY, what);
  CHECK_THAT(pthread_mutex_lock(mutex) == EOWNERDEAD, what);
  CHECK(pthread_mutex_consistent(mutex) == 0);
  CHECK(pthread_mutex_unlock(mutex) == 0);
  CHECK(pthread_mutex_lock(mutex) == 0 && pthread_mutex_unlock(mutex) == 0);
  CHECK(waitpid(child, NULL, 0) == child);
}
int main(void) {
  with(PTHREAD_PRIO_NONE, "a plain mutex");
  with(PTHREAD_PRIO_INHERIT, "a mutex with priority inheritance");
  return finish();
}
