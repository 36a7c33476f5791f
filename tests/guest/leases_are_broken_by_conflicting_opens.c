// fcntl(2), "Leases": "F_SETLEASE: set or remove a file lease"; "When a process (the 'lease
// breaker') performs an open(2) or truncate(2) that conflicts with a lease …, the system call is
// blocked by the kernel and the kernel notifies the lease holder by sending it a signal (SIGIO by
// default)"; "if the lease holder … fails to downgrade or remove the lease within this many seconds
// [lease-break-time], then the kernel forcibly does".
#include "check.h"
#include <poll.h>

static volatile sig_atomic_t signals, signal_fd, signal_code;
static int leased = -1;

static void count(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  ++signals;
  signal_fd = info->si_fd;
  signal_code = info->si_code;
}

static void let_go(int number) {
  (void)number;
  ++signals;
  fcntl(leased, F_SETLEASE, F_UNLCK);
}

static void downgrade(int number) {
  (void)number;
  ++signals;
  fcntl(leased, F_SETLEASE, F_RDLCK);
}

static void handle(int number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  NEED(sigaction(number, &action, NULL) == 0);
}

/// A child that opens (or truncates, for flags of -1) the file, and says with its status whether
/// that went well.
static pid_t breaker(int flags) {
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    alarm(20);
    _exit(flags == -1 ? truncate("file", 0) != 0 : open("file", flags) < 0);
  }
  return child;
}

static int status_of(pid_t child) {
  int status = -1;
  pid_t ended;
  do
    ended = waitpid(child, &status, 0);
  while (ended == -1 && errno == EINTR);
  NEED(ended == child);
  return status;
}

static void what_can_be_leased(void) {
  int reading = open("file", O_RDONLY), other, folder = open(".", O_RDONLY), ends[2];
  NEED(reading >= 0 && folder >= 0 && pipe(ends) == 0);
  CHECK(fcntl(reading, F_GETLEASE) == F_UNLCK);
  CHECK_ERRNO(fcntl(reading, F_SETLEASE, F_UNLCK), EAGAIN);
  CHECK_ERRNO(fcntl(reading, F_SETLEASE, 17), EINVAL);
  CHECK_ERRNO(fcntl(folder, F_SETLEASE, F_RDLCK), EINVAL);
  CHECK_ERRNO(fcntl(ends[0], F_SETLEASE, F_RDLCK), EINVAL);
  CHECK(fcntl(reading, F_SETLEASE, F_RDLCK) == 0);
  CHECK(fcntl(reading, F_GETLEASE) == F_RDLCK);
  // "A read lease is shared": others may read, and lease too.
  NEED((other = open("file", O_RDONLY)) >= 0);
  CHECK(fcntl(other, F_GETLEASE) == F_UNLCK);
  CHECK(fcntl(other, F_SETLEASE, F_RDLCK) == 0);
  // "A write lease may be placed on a file only if there are no other open file descriptors for the
  // file".
  CHECK_ERRNO(fcntl(other, F_SETLEASE, F_WRLCK), EAGAIN);
  CHECK(close(other) == 0);
  CHECK(fcntl(reading, F_SETLEASE, F_WRLCK) == 0);
  CHECK(fcntl(reading, F_GETLEASE) == F_WRLCK);
  // "the lease is associated with the open file description": all duplicates show it, and one
  // removes it.
  NEED((other = dup(reading)) >= 0);
  CHECK(fcntl(other, F_GETLEASE) == F_WRLCK);
  IN_CHILD(CHECK(fcntl(reading, F_GETLEASE) == F_WRLCK));
  CHECK(fcntl(other, F_SETLEASE, F_UNLCK) == 0);
  CHECK(fcntl(reading, F_GETLEASE) == F_UNLCK);
  close(other);
  close(reading);
  // "F_RDLCK can be placed only on a file descriptor that is opened read-only".
  NEED((other = open("file", O_RDWR)) >= 0);
  CHECK_ERRNO(fcntl(other, F_SETLEASE, F_RDLCK), EAGAIN);
  CHECK(fcntl(other, F_SETLEASE, F_WRLCK) == 0);
  close(other);
  close(folder);
  IN_CHILD({
    int mine = open("file", O_RDONLY);
    NEED(setresuid(1234, 1234, 1234) == 0);
    CHECK_ERRNO(fcntl(mine, F_SETLEASE, F_RDLCK), EACCES);
  });
}

static void breaking(void) {
  handle(SIGIO, let_go);
  // An open for writing breaks a read lease and waits until it is gone.
  NEED((leased = open("file", O_RDONLY)) >= 0);
  NEED(fcntl(leased, F_SETLEASE, F_RDLCK) == 0);
  CHECK(status_of(breaker(O_RDONLY)) == 0 && signals == 0);
  CHECK(status_of(breaker(O_WRONLY)) == 0);
  CHECK(signals == 1 && fcntl(leased, F_GETLEASE) == F_UNLCK);
  // truncate(2) does too.
  NEED(fcntl(leased, F_SETLEASE, F_RDLCK) == 0);
  CHECK(status_of(breaker(-1)) == 0);
  CHECK(signals == 2);
  // An open for reading breaks a write lease; a read lease is enough for the holder then.
  handle(SIGIO, downgrade);
  NEED(fcntl(leased, F_SETLEASE, F_WRLCK) == 0);
  CHECK(status_of(breaker(O_RDONLY)) == 0);
  CHECK(signals == 3 && fcntl(leased, F_GETLEASE) == F_RDLCK);
  // Closing the last descriptor removes the lease.
  CHECK(close(leased) == 0);
  CHECK(status_of(breaker(O_RDWR)) == 0 && signals == 3);
}

static void not_waiting(void) {
  struct sigaction action = {.sa_sigaction = count, .sa_flags = SA_SIGINFO};
  NEED(sigaction(SIGRTMIN, &action, NULL) == 0 && sigaction(SIGIO, &action, NULL) == 0);
  NEED((leased = open("file", O_RDONLY)) >= 0);
  NEED(fcntl(leased, F_SETSIG, SIGRTMIN) == 0 && fcntl(leased, F_SETLEASE, F_RDLCK) == 0);
  signals = 0;
  // "O_NONBLOCK: … the call fails with the error EWOULDBLOCK", after the signal.
  CHECK_ERRNO(open("file", O_WRONLY | O_NONBLOCK), EWOULDBLOCK);
  CHECK(signals == 1 && signal_fd == leased && signal_code == POLL_MSG);
  // "F_GETLEASE … either F_UNLCK" while the holder has yet to remove it; no second signal.
  CHECK(fcntl(leased, F_GETLEASE) == F_UNLCK);
  CHECK_ERRNO(open("file", O_WRONLY | O_NONBLOCK), EWOULDBLOCK);
  CHECK(signals == 1);
  int reading = open("file", O_RDONLY | O_NONBLOCK);
  CHECK(reading >= 0 && close(reading) == 0);
  CHECK(fcntl(leased, F_SETLEASE, F_UNLCK) == 0);
  int writing = open("file", O_WRONLY | O_NONBLOCK);
  CHECK(writing >= 0);
  CHECK_ERRNO(fcntl(leased, F_SETLEASE, F_RDLCK), EAGAIN);
  close(writing);
  // A breaker that waits is interrupted by a signal as by any other.
  NEED(fcntl(leased, F_SETLEASE, F_RDLCK) == 0);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    struct sigaction interrupt = {.sa_sigaction = count, .sa_flags = SA_SIGINFO};
    sigaction(SIGALRM, &interrupt, NULL);
    ualarm(50000, 50000);
    _exit(!(open("file", O_WRONLY) == -1 && errno == EINTR));
  }
  CHECK(status_of(child) == 0);
  close(leased);
}

static void holders_that_do_nothing(void) {
  FILE *setting = fopen("/proc/sys/fs/lease-break-time", "r");
  int before = 0;
  NEED(setting && fscanf(setting, "%d", &before) == 1);
  fclose(setting);
  CHECK(before > 0);
  int writable = open("/proc/sys/fs/lease-break-time", O_WRONLY);
  NEED(writable >= 0 && write(writable, "1", 1) == 1);
  signal(SIGIO, SIG_IGN);
  NEED((leased = open("file", O_RDONLY)) >= 0 && fcntl(leased, F_SETLEASE, F_WRLCK) == 0);
  CHECK(status_of(breaker(O_RDONLY)) == 0);
  CHECK_THAT(fcntl(leased, F_GETLEASE) == F_RDLCK, "the kernel has downgraded the lease");
  CHECK(status_of(breaker(O_WRONLY)) == 0);
  CHECK_THAT(fcntl(leased, F_GETLEASE) == F_UNLCK, "the kernel has removed the lease");
  char text[16];
  int length = snprintf(text, sizeof text, "%d", before);
  NEED(pwrite(writable, text, (size_t)length, 0) == length);
}

int main(void) {
  int made = open("file", O_CREAT | O_WRONLY, 0666);
  NEED(made >= 0 && write(made, "content", 7) == 7 && close(made) == 0);
  what_can_be_leased();
  breaking();
  not_waiting();
  holders_that_do_nothing();
  return finish();
}
