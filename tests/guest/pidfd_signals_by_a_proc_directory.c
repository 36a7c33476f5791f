// pidfd_send_signal(2): "The pidfd argument is a PID file descriptor … [or] a file descriptor …
// obtained by … opening a /proc/pid directory". The signal goes to the process that the directory
// was of, never to another that got its pid. clone(2), CLONE_PIDFD.
#include "check.h"

static int send(int fd, int signal) {
  return (int)syscall(424 /* pidfd_send_signal */, fd, signal, NULL, 0);
}

int main(void) {
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0)
    for (;;)
      pause();
  char path[64];
  snprintf(path, sizeof path, "/proc/%d", child);
  int directory = open(path, O_RDONLY | O_DIRECTORY);
  NEED(directory >= 0);
  CHECK(send(directory, 0) == 0);
  int other = open("/proc/self/fd", O_RDONLY | O_DIRECTORY), plain = open(".", O_RDONLY),
      root = open("/proc", O_RDONLY);
  NEED(other >= 0 && plain >= 0 && root >= 0);
  CHECK_ERRNO(send(other, 0), EBADF);
  CHECK_ERRNO(send(plain, 0), EBADF);
  CHECK_ERRNO(send(root, 0), EBADF);
  CHECK_ERRNO(send(-1, 0), EBADF);
  int place = open(path, O_PATH);
  CHECK_ERRNO(send(place, 0), EBADF);
  snprintf(path, sizeof path, "/proc/%d/task/%d", child, child);
  int task = open(path, O_RDONLY | O_DIRECTORY);
  NEED(task >= 0);
  CHECK_ERRNO(send(task, 0), EBADF);
  CHECK_ERRNO(send(directory, 65), EINVAL);
  // Linux 6.9: to the thread, the process, or the group that it leads; one of them at most.
  int pidfd = (int)syscall(434 /* pidfd_open */, child, 0);
  NEED(pidfd >= 0);
  CHECK(syscall(424, pidfd, 0, NULL, 1) == 0 && syscall(424, pidfd, 0, NULL, 2) == 0);
  CHECK_ERRNO(syscall(424, pidfd, 0, NULL, 4), ESRCH);
  NEED(setpgid(child, child) == 0);
  CHECK(syscall(424, pidfd, 0, NULL, 4) == 0);
  CHECK_ERRNO(syscall(424, pidfd, 0, NULL, 3), EINVAL);
  CHECK_ERRNO(syscall(424, pidfd, 0, NULL, 8), EINVAL);
  CHECK(send(directory, SIGTERM) == 0);
  int status;
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  CHECK_ERRNO(send(directory, 0), ESRCH);
  return finish();
}
