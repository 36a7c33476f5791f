// Waits that end at a time of the wall clock, beside one that takes as long: the box is saved and
// lies for two seconds before it goes on.
#define _GNU_SOURCE
#include "guest.h"

#include <mqueue.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

enum { seconds = 4, lay = 2 };

static struct timespec due;

static double wall_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void relative(void) {
  const struct timespec time = {.tv_sec = seconds};
  nanosleep(&time, NULL);
}

static void by_clock_nanosleep(void) {
  clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &due, NULL);
}

static void by_timerfd(void) {
  const int fd = timerfd_create(CLOCK_REALTIME, 0);
  const struct itimerspec spec = {.it_value = due};
  unsigned long long expirations;
  timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL);
  if (read(fd, &expirations, sizeof expirations) != sizeof expirations)
    _exit(1);
}

static void by_timer_create(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGALRM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  timer_t timer;
  timer_create(CLOCK_REALTIME, NULL, &timer);
  const struct itimerspec spec = {.it_value = due};
  timer_settime(timer, TIMER_ABSTIME, &spec, NULL);
  sigwaitinfo(&signals, NULL);
}

static void by_futex(void) {
  sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  sem_timedwait(&semaphore, &due);
}

static void by_message_queue(void) {
  struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
  const mqd_t queue = mq_open("/wall_clock", O_CREAT | O_RDWR, 0600, &attributes);
  char message[8];
  mq_timedreceive(queue, message, sizeof message, NULL, &due);
}

static const struct {
  const char *name;
  void (*wait)(void);
} ways[] = {{"relative", relative},  {"clock_nanosleep", by_clock_nanosleep},
            {"timerfd", by_timerfd}, {"timer_create", by_timer_create},
            {"futex", by_futex},     {"message queue", by_message_queue}};
enum { count = sizeof ways / sizeof *ways };

int main(void) {
  double *woke = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  clock_gettime(CLOCK_REALTIME, &due);
  due.tv_sec += seconds;
  for (int i = 0; i < count; ++i)
    if (fork() == 0) {
      ways[i].wait();
      woke[i] = wall_clock();
      _exit(0);
    }
  usleep(100000); // until they all wait
  say("ready");
  next_line();
  while (wait(NULL) > 0)
    ;
  const double end = (double)due.tv_sec + (double)due.tv_nsec * 1e-9;
  CHECK(ways[0].name, woke[0] >= end + lay - 1);
  for (int i = 1; i < count; ++i)
    CHECK(ways[i].name, woke[i] >= end && woke[i] < woke[0] - 1);
  say("done");
  return 0;
}
