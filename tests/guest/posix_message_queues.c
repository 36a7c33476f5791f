// mq_open(3), mq_send(3), mq_receive(3), mq_notify(3), mq_unlink(3), mq_overview(7).
#include "check.h"

#include <mqueue.h>
#include <poll.h>
#include <pthread.h>

#define NAME "/tine-guest-queue"
static mqd_t queue;
static char text[64];

static void test_open(void) {
  struct mq_attr small = {.mq_maxmsg = 2, .mq_msgsize = 64},
                 bad = {.mq_maxmsg = 0, .mq_msgsize = 1};
  mq_unlink(NAME);
  CHECK_ERRNO(mq_open(NAME, O_RDWR), ENOENT);
  CHECK_ERRNO(mq_open(NAME, O_RDWR | O_CREAT, 0600, &bad), EINVAL);
  CHECK_ERRNO(mq_open("/a/b", O_RDWR | O_CREAT, 0600, &small), EACCES);
  CHECK_ERRNO(mq_open("/", O_RDWR | O_CREAT, 0600, &small), ENOENT);
  CHECK_ERRNO(mq_open("noslash", O_RDWR | O_CREAT, 0600, &small), EINVAL);
  queue = mq_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, &small);
  NEED(queue != (mqd_t)-1);
  CHECK_ERRNO(mq_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, &small), EEXIST);
  CHECK(fcntl(queue, F_GETFD) == FD_CLOEXEC);
  struct mq_attr got;
  CHECK(mq_getattr(queue, &got) == 0 && got.mq_maxmsg == 2 && got.mq_msgsize == 64 &&
        got.mq_curmsgs == 0 && got.mq_flags == 0);
  mqd_t reader = mq_open(NAME, O_RDONLY);
  CHECK_ERRNO(mq_send(reader, "x", 1, 0), EBADF);
  CHECK_ERRNO(mq_receive(reader, text, 63, NULL), EMSGSIZE);
  CHECK(mq_close(reader) == 0);
  CHECK_ERRNO(mq_send(1, "x", 1, 0), EBADF);
  IN_CHILD({
    NEED(setgid(4321) == 0 && setuid(4321) == 0);
    CHECK_ERRNO(mq_open(NAME, O_RDONLY), EACCES);
  });
}

static void test_messages(void) {
  unsigned priority = 0;
  static char large[65];
  CHECK_ERRNO(mq_send(queue, large, 65, 0), EMSGSIZE);
  CHECK_ERRNO(mq_send(queue, "x", 1, 32768), EINVAL);
  CHECK(mq_send(queue, "low", 4, 1) == 0);
  struct pollfd both = {.fd = queue, .events = POLLIN | POLLOUT};
  CHECK(poll(&both, 1, 0) == 1 && both.revents == (POLLIN | POLLOUT));
  CHECK(mq_send(queue, "high", 5, 2) == 0);
  CHECK(poll(&both, 1, 0) == 1 && both.revents == POLLIN);
  struct timespec past = {1, 0}, bad = {0, 1000000000};
  CHECK_ERRNO(mq_timedsend(queue, "x", 1, 0, &past), ETIMEDOUT);
  CHECK_ERRNO(mq_timedsend(queue, "x", 1, 0, &bad), EINVAL);
  struct mq_attr nonblocking = {.mq_flags = O_NONBLOCK}, old;
  CHECK(mq_setattr(queue, &nonblocking, &old) == 0 && old.mq_flags == 0 && old.mq_curmsgs == 2);
  CHECK_ERRNO(mq_send(queue, "x", 1, 0), EAGAIN);
  CHECK(mq_receive(queue, text, 64, &priority) == 5 && priority == 2 && strcmp(text, "high") == 0);
  CHECK(mq_receive(queue, text, 64, &priority) == 4 && priority == 1 && strcmp(text, "low") == 0);
  CHECK_ERRNO(mq_receive(queue, text, 64, NULL), EAGAIN);
  CHECK(mq_setattr(queue, &old, NULL) == 0);
  CHECK(poll(&both, 1, 0) == 1 && both.revents == POLLOUT);
  pid_t child = fork();
  if (child == 0)
    _exit(mq_receive(queue, text, 64, NULL) != 6 || strcmp(text, "child") != 0);
  sleep_ms(20);
  CHECK(mq_send(queue, "child", 6, 0) == 0);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static volatile siginfo_t last;
static volatile int count;
static void handler(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  last = *info;
  ++count;
}
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int told;
static void on_message(union sigval value) {
  pthread_mutex_lock(&mutex);
  told = value.sival_int;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&mutex);
}

static void test_notification(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  NEED(sigaction(SIGUSR1, &action, NULL) == 0);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  event.sigev_value.sival_int = 77;
  CHECK(mq_notify(queue, &event) == 0);
  CHECK_ERRNO(mq_notify(queue, &event), EBUSY);
  IN_CHILD({
    CHECK_ERRNO(mq_notify(queue, &event), EBUSY);
    CHECK(mq_notify(queue, NULL) == 0); // another process's stays
    CHECK(mq_send(queue, "a", 1, 0) == 0);
  });
  CHECK(count == 1 && last.si_code == SI_MESGQ && last.si_value.sival_int == 77);
  CHECK(mq_notify(queue, &event) == 0);
  CHECK(mq_send(queue, "b", 1, 0) == 0);
  CHECK_THAT(count == 1, "the queue was not empty");
  CHECK(mq_receive(queue, text, 64, NULL) == 1 && mq_receive(queue, text, 64, NULL) == 1);
  CHECK(mq_send(queue, "c", 1, 0) == 0 && count == 2);
  CHECK(mq_receive(queue, text, 64, NULL) == 1);
  CHECK(mq_send(queue, "d", 1, 0) == 0);
  CHECK_THAT(count == 2, "one message used the registration up");
  CHECK(mq_receive(queue, text, 64, NULL) == 1);
  CHECK(mq_notify(queue, &event) == 0 && mq_notify(queue, NULL) == 0 &&
        mq_notify(queue, NULL) == 0);
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = on_message;
  event.sigev_value.sival_int = 5;
  CHECK(mq_notify(queue, &event) == 0);
  CHECK(mq_send(queue, "e", 1, 0) == 0);
  pthread_mutex_lock(&mutex);
  while (told == 0)
    pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
  CHECK(told == 5);
  CHECK(mq_receive(queue, text, 64, NULL) == 1);
}

int main(void) {
  test_open();
  test_messages();
  test_notification();
  CHECK(mq_unlink(NAME) == 0);
  CHECK_ERRNO(mq_unlink(NAME), ENOENT);
  CHECK(mq_send(queue, "still", 6, 0) == 0 && mq_receive(queue, text, 64, NULL) == 6);
  CHECK(mq_close(queue) == 0);
  CHECK_ERRNO(mq_send(queue, "x", 1, 0), EBADF);
  return finish();
}
