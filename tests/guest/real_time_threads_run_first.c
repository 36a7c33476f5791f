// sched(7): "all scheduling is preemptive: if a thread with a higher static priority becomes ready
// to run, the currently running thread will be preempted". SCHED_FIFO has no time slices, SCHED_RR
// has; sched_yield(2) goes to the end of the list for its priority; SCHED_RESET_ON_FORK.
// sched_setaffinity(2): a thread runs on no other CPU. POSIX, sem_post: "the highest priority
// waiting thread shall be unblocked".
#include "check.h"

#include <pthread.h>
#include <semaphore.h>

static volatile long *counter; // shared with children

static void spin(long milliseconds) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do
    clock_gettime(CLOCK_MONOTONIC, &now);
  while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 <
         milliseconds);
}

static int set_policy(pid_t thread, int policy, int priority) {
  const struct sched_param parameters = {priority};
  return sched_setscheduler(thread, policy, &parameters);
}

static int pin(pid_t thread, int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  return sched_setaffinity(thread, sizeof one, &one);
}

static void test_affinity(void) {
  cpu_set_t all;
  NEED(sched_getaffinity(0, sizeof all, &all) == 0);
  int moved = 1, inherited = 1;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all))
      continue;
    moved = moved && pin(0, cpu) == 0 && sched_getcpu() == cpu;
    const pid_t child = fork();
    if (child == 0) {
      int stays = 1;
      for (int i = 0; i < 3; ++i, usleep(2000))
        stays = stays && sched_getcpu() == cpu;
      _exit(stays ? 0 : 1);
    }
    int status;
    inherited = waitpid(child, &status, 0) == child && status == 0 && inherited;
  }
  CHECK_THAT(moved, "the call returns on a CPU of the new mask");
  CHECK_THAT(inherited, "a child stays there, too");
  NEED(sched_setaffinity(0, sizeof all, &all) == 0);
}

/// A child that counts, on the caller's CPU, at the caller's policy and priority.
static pid_t start_counting(int yields) {
  *counter = 0;
  const pid_t child = fork();
  if (child == 0)
    for (;;) {
      ++*counter;
      if (yields)
        sched_yield();
    }
  return child;
}

static void stop_counting(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

static void test_first_in_first_out(void) {
  NEED(set_policy(0, SCHED_FIFO, 10) == 0);
  pid_t child = start_counting(1);
  spin(30);
  CHECK_THAT(*counter == 0, "SCHED_FIFO: an equal does not preempt");
  sched_yield();
  CHECK_THAT(*counter == 1, "sched_yield lets an equal run");
  NEED(set_policy(child, SCHED_FIFO, 5) == 0);
  sched_yield();
  CHECK_THAT(*counter == 1, "sched_yield does not let a lower priority run");
  usleep(30000);
  const long before = *counter;
  CHECK_THAT(before > 1, "it runs while the higher sleeps");
  spin(30);
  CHECK_THAT(*counter == before, "who wakes up with a higher priority preempts");
  stop_counting(child);
  // The child would never leave the CPU: a third ends it.
  child = start_counting(0);
  const pid_t killer = fork();
  if (killer == 0) {
    usleep(50000);
    kill(child, SIGKILL);
    _exit(0);
  }
  NEED(set_policy(killer, SCHED_FIFO, 30) == 0 && *counter == 0);
  set_policy(child, SCHED_FIFO, 20);
  CHECK_THAT(*counter > 0, "who is raised above the caller runs before the call returns");
  waitpid(child, NULL, 0);
  waitpid(killer, NULL, 0);
}

static void test_round_robin(void) {
  NEED(set_policy(0, SCHED_RR, 10) == 0);
  const pid_t child = start_counting(0);
  for (int i = 0; i < 100 && *counter == 0; ++i)
    spin(10);
  CHECK_THAT(*counter > 0, "SCHED_RR: equals take turns");
  struct timespec interval;
  CHECK(sched_rr_get_interval(0, &interval) == 0 && interval.tv_sec == 0 &&
        interval.tv_nsec == 100000000); // /proc/sys/kernel/sched_rr_timeslice_ms
  stop_counting(child);
}

static sem_t semaphore;
static int order[3], arrived;

static void *wait_for_post(void *argument) {
  const int priority = *(const int *)argument;
  NEED(set_policy(0, SCHED_FIFO, priority) == 0);
  sem_wait(&semaphore);
  order[arrived++] = priority;
  return NULL;
}

static void test_wake_order(void) {
  int priorities[3] = {20, 40, 30};
  pthread_t threads[3];
  NEED(sem_init(&semaphore, 0, 0) == 0 && set_policy(0, SCHED_FIFO, 10) == 0);
  for (int i = 0; i < 3; ++i) {
    NEED(pthread_create(&threads[i], NULL, wait_for_post, &priorities[i]) == 0);
    sched_yield();
  }
  for (int i = 0; i < 3; ++i)
    sem_post(&semaphore);
  CHECK_THAT(arrived == 3 && order[0] == 40 && order[1] == 30 && order[2] == 20,
             "a post wakes the highest priority, at once");
  for (int i = 0; i < 3; ++i)
    pthread_join(threads[i], NULL);
}

static void test_reset_on_fork(void) {
  NEED(set_policy(0, SCHED_RR | SCHED_RESET_ON_FORK, 7) == 0 &&
       setpriority(PRIO_PROCESS, 0, -5) == 0);
  CHECK(sched_getscheduler(0) == (SCHED_RR | SCHED_RESET_ON_FORK));
  IN_CHILD({
    struct sched_param parameters;
    CHECK(sched_getscheduler(0) == SCHED_OTHER);
    CHECK(sched_getparam(0, &parameters) == 0 && parameters.sched_priority == 0);
    CHECK(getpriority(PRIO_PROCESS, 0) == 0);
  });
  NEED(set_policy(0, SCHED_RR, 7) == 0);
  IN_CHILD(CHECK(sched_getscheduler(0) == SCHED_RR && getpriority(PRIO_PROCESS, 0) == -5));
  IN_CHILD({ // without CAP_SYS_NICE and RLIMIT_RTPRIO
    struct rlimit none = {0, 0};
    NEED(setrlimit(RLIMIT_RTPRIO, &none) == 0 && setgid(4321) == 0 && setuid(4321) == 0);
    CHECK_ERRNO(set_policy(0, SCHED_RR, 8), EPERM);
    CHECK_ERRNO(set_policy(0, SCHED_FIFO, 7), EPERM);
    CHECK_THAT(set_policy(0, SCHED_RR, 6) == 0, "a real-time priority may be lowered");
    CHECK(set_policy(0, SCHED_RR | SCHED_RESET_ON_FORK, 6) == 0);
    CHECK_ERRNO(set_policy(0, SCHED_RR, 6), EPERM);
    CHECK(set_policy(0, SCHED_OTHER | SCHED_RESET_ON_FORK, 0) == 0);
    CHECK_ERRNO(set_policy(0, SCHED_RR | SCHED_RESET_ON_FORK, 6), EPERM);
  });
  NEED(set_policy(0, SCHED_OTHER, 0) == 0 && setpriority(PRIO_PROCESS, 0, 0) == 0);
}

int main(void) {
  counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEED(counter != MAP_FAILED);
  test_affinity();
  NEED(pin(0, 0) == 0);
  test_reset_on_fork();
  test_first_in_first_out();
  test_round_robin();
  test_wake_order();
  return finish();
}
