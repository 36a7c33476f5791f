// pidfd_open(2), PIDFD_THREAD: "refers to a specific thread, rather than the thread-group leader";
// pidfd_send_signal(2), PIDFD_SELF_THREAD and PIDFD_SELF_THREAD_GROUP, "ESRCH"; poll(2): POLLIN
// once it has ended, POLLHUP once it is gone; proc(5), fdinfo of a pidfd.
#include "check.h"

#include <poll.h>
#include <pthread.h>

enum { of_thread = O_EXCL, self_thread = -10000, self_process = -10001 };
static volatile pid_t tid;
static volatile int got_code, got_by;
static struct bell go;

static void handler(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  got_by = gettid(), got_code = info->si_code;
}
static void *work(void *argument) {
  tid = gettid();
  hear(go);
  return argument;
}
static int events_of(int fd) {
  struct pollfd polled = {fd, POLLIN, 0};
  return poll(&polled, 1, 0) < 0 ? -1 : polled.revents;
}
static int is_said(int fd, const char *line) {
  char path[64], text[1024] = "";
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  int file = open(path, O_RDONLY);
  NEED(read(file, text, sizeof text - 1) > 0);
  close(file);
  return strstr(text, line) != NULL;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  go = new_bell();
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, work, NULL) == 0);
  while (tid == 0)
    sleep_ms(1);
  CHECK_THAT(syscall(SYS_pidfd_open, tid, 0) == -1, "a thread has no pidfd without PIDFD_THREAD");
  int fd = (int)syscall(SYS_pidfd_open, tid, of_thread);
  CHECK(fd >= 0 && (fcntl(fd, F_GETFL) & of_thread) != 0);
  char line[32];
  snprintf(line, sizeof line, "Pid:\t%d\n", tid);
  CHECK(is_said(fd, line));
  CHECK(events_of(fd) == 0);
  CHECK(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0) == 0);
  while (got_by == 0)
    sleep_ms(1);
  CHECK(got_by == tid && got_code == SI_TKILL);
  tell(go);
  pthread_join(thread, NULL);
  while (events_of(fd) == 0)
    sleep_ms(1);
  CHECK(events_of(fd) == (POLLIN | POLLHUP));
  CHECK(is_said(fd, "Pid:\t-1\n"));
  CHECK_ERRNO(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
  CHECK(syscall(SYS_pidfd_send_signal, self_thread, SIGUSR1, NULL, 0) == 0 && got_code == SI_TKILL);
  CHECK(syscall(SYS_pidfd_send_signal, self_process, SIGUSR1, NULL, 0) == 0 && got_code == SI_USER);
  CHECK_ERRNO(syscall(SYS_pidfd_send_signal, -10005, 0, NULL, 0), EBADF);

  pid_t child = fork();
  if (child == 0)
    _exit(0);
  fd = (int)syscall(SYS_pidfd_open, child, 0);
  siginfo_t info;
  NEED(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
  CHECK(events_of(fd) == POLLIN);
  NEED(waitpid(child, NULL, 0) == child);
  CHECK(events_of(fd) == (POLLIN | POLLHUP));
  return finish();
}
