// Threads and a child that are blocked in one call each while the box is forked. They must go on
// being blocked, in both boxes, and end as they would have.
#define _GNU_SOURCE
#include "guest.h"

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static int data_pipe[2], poll_pipe[2], full_pipe[2], child_pipe[2], event, epoll, sockets[2];
static int word, lock;
static struct timespec start;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int condition_holds;

static double since_start(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) * 1e-9;
}
static void *read_pipe(void *unused) {
  char bytes[8] = "";
  const ssize_t count = read(data_pipe[0], bytes, sizeof bytes);
  CHECK("read", count == 5 && memcmp(bytes, "hello", 5) == 0);
  return unused;
}
static void *write_pipe(void *unused) {
  static char bytes[65536 + 1000];
  CHECK("write", write(full_pipe[1], bytes, sizeof bytes) == sizeof bytes);
  return unused;
}
static void *poll_it(void *unused) {
  struct pollfd entry = {.fd = poll_pipe[0], .events = POLLIN};
  CHECK("poll", poll(&entry, 1, 60000) == 1 && entry.revents == POLLIN);
  return unused;
}
static void *wait_epoll(void *unused) {
  struct epoll_event found;
  CHECK("epoll_wait", epoll_wait(epoll, &found, 1, -1) == 1 && found.data.u32 == 7);
  return unused;
}
static void *wait_futex(void *unused) {
  CHECK("futex", syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) == 0);
  return unused;
}
/// Whoever has the lock inherits this thread's priority.
static void *wait_lock(void *unused) {
  const struct sched_param parameters = {30};
  sched_setscheduler(0, SCHED_FIFO, &parameters);
  CHECK("futex_lock", syscall(SYS_futex, &lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0 &&
                          (lock & FUTEX_TID_MASK) == gettid());
  return unused;
}
/// proc(5), (18) priority.
static int shown_priority(void) {
  int priority = 0;
  FILE *file = fopen("/proc/self/stat", "r");
  if (!file ||
      fscanf(file, "%*d %*s %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d",
             &priority) != 1)
    priority = 99;
  fclose(file);
  return priority;
}
static void *wait_futex_in_vain(void *unused) {
  static int nobody;
  const struct timespec limit = {.tv_nsec = 900000000};
  const long result = syscall(SYS_futex, &nobody, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0);
  CHECK("futex_timeout", result == -1 && errno == ETIMEDOUT && since_start() >= 0.9);
  return unused;
}
static void *wait_condition(void *unused) {
  pthread_mutex_lock(&mutex);
  while (!condition_holds)
    pthread_cond_wait(&condition, &mutex);
  pthread_mutex_unlock(&mutex);
  say("ok condition");
  return unused;
}
static void *sleep_it(void *unused) {
  const struct timespec time = {.tv_nsec = 800000000};
  const int result = nanosleep(&time, NULL);
  const double slept = since_start();
  CHECK("nanosleep", result == 0 && slept >= 0.8 && slept < 20);
  return unused;
}
static void *receive(void *unused) {
  char byte = 0;
  CHECK("recv", recv(sockets[0], &byte, 1, 0) == 1 && byte == 'x');
  return unused;
}

int main(void) {
  if (pipe(data_pipe) || pipe(poll_pipe) || pipe(full_pipe) || pipe(child_pipe) ||
      socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
    return 1;
  event = eventfd(0, 0);
  epoll = epoll_create1(0);
  struct epoll_event item = {.events = EPOLLIN, .data.u32 = 7};
  epoll_ctl(epoll, EPOLL_CTL_ADD, event, &item);
  const pid_t child = fork();
  if (child == 0) {
    char byte;
    _exit(read(child_pipe[0], &byte, 1) == 1 ? 42 : 1);
  }
  lock = gettid();
  clock_gettime(CLOCK_MONOTONIC, &start);
  void *(*const threads[])(void *) = {read_pipe,  write_pipe, poll_it,        wait_epoll,
                                      wait_futex, sleep_it,   wait_condition, wait_futex_in_vain,
                                      receive,    wait_lock};
  enum { count = sizeof threads / sizeof *threads };
  pthread_t ids[count];
  for (int i = 0; i < count; ++i)
    pthread_create(&ids[i], NULL, threads[i], NULL);
  usleep(100000);
  say("ready");
  next_line(); // here the box is forked
  static char drained[65536 + 1000];
  if (write(data_pipe[1], "hello", 5) != 5 || write(poll_pipe[1], "p", 1) != 1 ||
      write(sockets[1], "x", 1) != 1 || eventfd_write(event, 1) != 0)
    return 1;
  for (size_t done = 0; done < sizeof drained;)
    done += (size_t)read(full_pipe[0], drained, sizeof drained);
  CHECK("inherited_priority", shown_priority() == -31);
  syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  CHECK("own_priority", shown_priority() == 20);
  word = 1;
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  pthread_mutex_lock(&mutex);
  condition_holds = 1;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
  for (int i = 0; i < count; ++i)
    pthread_join(ids[i], NULL);
  if (write(child_pipe[1], "c", 1) != 1)
    return 1;
  int status = 0;
  CHECK("wait4", waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 42);
  say("done");
  return 0;
}
