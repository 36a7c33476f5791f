// Open files of each kind, made before the fork of the box, looked at and changed after it.
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

static int same(int fd, off_t at, const char *expected) {
  char bytes[64] = "";
  const ssize_t count = pread(fd, bytes, sizeof bytes - 1, at);
  return count == (ssize_t)strlen(expected) && strcmp(bytes, expected) == 0;
}

int main(void) {
  // Files of the writable layer: with a name, without one, sparse, changed from the host's.
  mkdir("/tmp/box_files", 0755);
  const int named = open("/tmp/box_files/named", O_RDWR | O_CREAT | O_TRUNC, 0644);
  const int unlinked = open("/tmp/box_files/unlinked", O_RDWR | O_CREAT, 0600);
  unlink("/tmp/box_files/unlinked");
  if (write(named, "named", 5) != 5 || write(unlinked, "unlinked", 8) != 8)
    return 1;
  const int append = open("/etc/passwd", O_RDWR | O_APPEND);
  const off_t passwd_size = lseek(append, 0, SEEK_END);
  if (write(append, "x", 1) != 1)
    return 1;
  const int memory = memfd_create("memory", MFD_ALLOW_SEALING);
  if (ftruncate(memory, 10000) != 0 || pwrite(memory, "sealed", 6, 5000) != 6)
    return 1;
  fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK);
  const int duplicate = dup(named);
  // Locks.
  flock(named, LOCK_EX);
  struct flock record = {.l_type = F_WRLCK, .l_start = 10, .l_len = 5};
  fcntl(unlinked, F_SETLK, &record);
  // What sends signals: a lease, a directory's notice, a pipe.
  sigset_t told[3];
  for (int i = 0; i < 3; ++i) {
    sigemptyset(&told[i]);
    sigaddset(&told[i], SIGRTMIN + 3 + i);
    sigprocmask(SIG_BLOCK, &told[i], NULL);
  }
  close(open("/tmp/box_files/leased", O_CREAT | O_WRONLY, 0600));
  const int leased = open("/tmp/box_files/leased", O_RDONLY);
  const int folder = open("/tmp/box_files", O_RDONLY | O_DIRECTORY);
  int telling[2];
  if (pipe(telling) || fcntl(leased, F_SETSIG, SIGRTMIN + 3) ||
      fcntl(leased, F_SETLEASE, F_RDLCK) || fcntl(folder, F_SETSIG, SIGRTMIN + 4) ||
      fcntl(folder, F_NOTIFY, DN_CREATE | DN_MULTISHOT) ||
      fcntl(telling[0], F_SETSIG, SIGRTMIN + 5) || fcntl(telling[0], F_SETOWN, getpid()) ||
      fcntl(telling[0], F_SETFL, O_ASYNC))
    return 1;
  // A directory that is read half-way, one that is gone, the working directory.
  const int directory = open("/usr/lib", O_RDONLY | O_DIRECTORY);
  char entries[4096];
  const long first = syscall(SYS_getdents64, directory, entries, 512);
  mkdir("/tmp/box_files/gone", 0755);
  if (chdir("/tmp/box_files/gone") != 0 || rmdir("/tmp/box_files/gone") != 0)
    return 1;
  // Pipes with contents, one of them a FIFO; without a writer; full.
  int ends[2], closed[2];
  if (pipe(ends) || pipe(closed) || write(ends[1], "in the pipe", 11) != 11)
    return 1;
  close(closed[1]);
  mkfifo("/tmp/box_files/fifo", 0600);
  const int fifo = open("/tmp/box_files/fifo", O_RDWR);
  if (write(fifo, "fifo", 4) != 4)
    return 1;
  // Events.
  const int event = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  const int signal_fd = signalfd(-1, &signals, 0);
  kill(getpid(), SIGUSR1);
  const int epoll = epoll_create1(0);
  struct epoll_event item = {.events = EPOLLIN | EPOLLET, .data.u32 = 1};
  epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &item);
  item = (struct epoll_event){.events = EPOLLIN | EPOLLONESHOT, .data.u32 = 2};
  epoll_ctl(epoll, EPOLL_CTL_ADD, event, &item);
  item = (struct epoll_event){.events = EPOLLIN, .data.u32 = 3};
  epoll_ctl(epoll, EPOLL_CTL_ADD, signal_fd, &item);
  struct epoll_event found[8];
  if (epoll_wait(epoll, found, 8, 0) != 3)
    return 2;
  // A terminal with a half-written line, in raw output.
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  grantpt(master);
  unlockpt(master);
  const int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  struct winsize size = {.ws_row = 11, .ws_col = 22};
  ioctl(master, TIOCSWINSZ, &size);
  if (write(master, "line\nhalf", 9) != 9)
    return 1;
  // What /proc shows.
  const int status = open("/proc/self/status", O_RDONLY);
  if (read(status, entries, 10) != 10)
    return 1;
  const int self = open("/proc/self", O_RDONLY | O_DIRECTORY);
  const int null = open("/dev/null", O_RDWR);
  const pid_t gone = fork();
  if (gone == 0)
    pause();
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)gone);
  const int stat_of_gone = open(path, O_RDONLY);
  const int pid_fd = (int)syscall(SYS_pidfd_open, gone, 0);
  kill(gone, SIGKILL);
  waitpid(gone, NULL, 0);

  say("ready");
  next_line(); // here the box is forked

  CHECK("offset is shared", lseek(named, 0, SEEK_CUR) == 5 && lseek(duplicate, 2, SEEK_SET) == 2 &&
                                lseek(named, 0, SEEK_CUR) == 2);
  CHECK("named",
        same(named, 0, "named") && pwrite(named, "NAM", 3, 0) == 3 && same(named, 0, "NAMed"));
  const int again = open("/tmp/box_files/named", O_RDONLY);
  CHECK("opened again", same(again, 0, "NAMed"));
  CHECK("unlinked", same(unlinked, 0, "unlinked") && pwrite(unlinked, "U", 1, 0) == 1 &&
                        same(unlinked, 0, "Unlinked"));
  CHECK("append", lseek(append, 0, SEEK_END) == passwd_size + 1 && write(append, "y", 1) == 1 &&
                      same(append, passwd_size, "xy"));
  struct stat status_of;
  CHECK("size", stat("/etc/passwd", &status_of) == 0 && status_of.st_size == passwd_size + 2);
  char bytes[64] = "";
  CHECK("memfd", pread(memory, bytes, 6, 5000) == 6 && memcmp(bytes, "sealed", 6) == 0 &&
                     ftruncate(memory, 10) == -1 && errno == EPERM);
  const struct timespec at_once = {0, 0};
  siginfo_t from;
  CHECK("lease",
        fcntl(leased, F_GETLEASE) == F_RDLCK &&
            open("/tmp/box_files/leased", O_WRONLY | O_NONBLOCK) == -1 && errno == EWOULDBLOCK &&
            sigtimedwait(&told[0], &from, &at_once) == SIGRTMIN + 3 && from.si_fd == leased);
  while (sigtimedwait(&told[1], &from, &at_once) == SIGRTMIN + 4) {
  }
  close(open("/tmp/box_files/notified", O_CREAT | O_WRONLY, 0600));
  CHECK("directory notification",
        sigtimedwait(&told[1], &from, &at_once) == SIGRTMIN + 4 && from.si_fd == folder);
  CHECK("asynchronous readiness", write(telling[1], "x", 1) == 1 &&
                                      sigtimedwait(&told[2], &from, &at_once) == SIGRTMIN + 5 &&
                                      from.si_fd == telling[0]);
  CHECK("flock", flock(again, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK &&
                     flock(named, LOCK_UN) == 0 && flock(again, LOCK_SH | LOCK_NB) == 0);
  const pid_t locker = fork();
  if (locker == 0) {
    struct flock other = {.l_type = F_RDLCK, .l_start = 12, .l_len = 1};
    fcntl(unlinked, F_GETLK, &other);
    _exit(other.l_type == F_WRLCK && other.l_start == 10 && other.l_len == 5 &&
                  other.l_pid == getppid()
              ? 0
              : 1);
  }
  int result = 1;
  waitpid(locker, &result, 0);
  CHECK("record lock", result == 0);
  long rest = 0;
  for (long count; (count = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0;)
    rest += count;
  CHECK("directory", first > 0 && first <= 512 && rest > 512);
  CHECK("deleted directory", getcwd(bytes, sizeof bytes) == NULL && errno == ENOENT);
  memset(bytes, 0, sizeof bytes);
  CHECK("pipe", read(ends[0], bytes, sizeof bytes) == 11 && strcmp(bytes, "in the pipe") == 0);
  CHECK("pipe without writer", read(closed[0], bytes, 1) == 0);
  CHECK("fifo", read(fifo, bytes, sizeof bytes) == 4 && memcmp(bytes, "fifo", 4) == 0);
  // Edges that were reported aren't reported again; the level is.
  CHECK("epoll", epoll_wait(epoll, found, 8, 0) == 1 && found[0].data.u32 == 3);
  CHECK("edge", write(ends[1], "more", 4) == 4 && epoll_wait(epoll, found, 1, 0) == 1);
  unsigned long long value = 0;
  CHECK("eventfd", read(event, &value, 8) == 8 && value == 1 && read(event, &value, 8) == 8 &&
                       read(event, &value, 8) == 8 && read(event, &value, 8) == -1);
  struct signalfd_siginfo info;
  CHECK("signalfd",
        read(signal_fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1);
  struct winsize size_now = {0};
  ioctl(slave, TIOCGWINSZ, &size_now);
  memset(bytes, 0, sizeof bytes);
  CHECK("terminal", size_now.ws_col == 22 && read(slave, bytes, sizeof bytes) == 5 &&
                        strcmp(bytes, "line\n") == 0);
  memset(bytes, 0, sizeof bytes);
  CHECK("terminal line", write(master, "way\n", 4) == 4 && read(slave, bytes, sizeof bytes) == 8 &&
                             strcmp(bytes, "halfway\n") == 0);
  CHECK("proc file", read(status, bytes, 5) == 5 && openat(self, "maps", O_RDONLY) >= 0);
  CHECK("proc of a dead process", read(stat_of_gone, bytes, 5) == -1 && errno == ESRCH);
  struct pollfd of_pid = {.fd = pid_fd, .events = POLLIN};
  CHECK("pidfd of a dead process", poll(&of_pid, 1, 0) == 1);
  CHECK("null", write(null, "x", 1) == 1 && read(null, bytes, 1) == 0);
  char link[64] = "";
  CHECK("fd link", readlink("/proc/self/fd/3", link, sizeof link - 1) > 0 &&
                       strcmp(link, "/tmp/box_files/named") == 0);
  CHECK("new file", open("/tmp/box_files/new", O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0);
  say("done");
  return 0;
}
