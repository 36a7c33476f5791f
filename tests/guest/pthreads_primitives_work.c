// pthreads(7): mutexes, condition variables, barriers, rwlocks, semaphores, thread-local storage,
// under load.
#include "check.h"

#include <pthread.h>
#include <semaphore.h>

enum { threads = 8, rounds = 2000 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static long counter, turn, serial;
static volatile long atomic;
static __thread long own;
static void *body(void *argument) {
  long me = (long)argument;
  for (int i = 0; i < rounds; ++i) {
    pthread_mutex_lock(&mutex);
    ++counter;
    pthread_mutex_unlock(&mutex);
    __atomic_add_fetch(&atomic, 1, __ATOMIC_SEQ_CST);
    ++own;
  }
  for (int i = 0; i < 50; ++i) {
    pthread_mutex_lock(&mutex);
    while (turn % threads != me)
      pthread_cond_wait(&condition, &mutex);
    ++turn;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    pthread_rwlock_rdlock(&rwlock);
    long seen = serial;
    pthread_rwlock_unlock(&rwlock);
    pthread_rwlock_wrlock(&rwlock);
    serial = seen > serial ? -1000000 : serial + 1;
    pthread_rwlock_unlock(&rwlock);
  }
  int last = pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
  sem_post(&semaphore);
  return (void *)(own * 2 + last);
}
int main(void) {
  pthread_t ids[threads];
  pthread_barrier_init(&barrier, NULL, threads);
  sem_init(&semaphore, 0, 0);
  for (long i = 0; i < threads; ++i)
    NEED(pthread_create(&ids[i], NULL, body, (void *)i) == 0);
  long sum = 0;
  for (int i = 0; i < threads; ++i)
    sem_wait(&semaphore);
  for (int i = 0; i < threads; ++i) {
    void *value;
    NEED(pthread_join(ids[i], &value) == 0);
    sum += (long)value;
  }
  CHECK(counter == threads * rounds);
  CHECK(atomic == threads * rounds);
  CHECK(turn == threads * 50 && serial == threads * 50);
  CHECK(sum == threads * rounds * 2 + 1);
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  CHECK(sem_timedwait(&semaphore, &soon) == -1 && errno == ETIMEDOUT);
  return finish();
}
