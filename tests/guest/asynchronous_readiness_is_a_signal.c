// fcntl(2), "Managing signals": F_SETOWN, F_SETOWN_EX, F_SETSIG; O_ASYNC: "generate a signal (SIGIO
// by default …) when input or output becomes possible on this file descriptor. This feature is
// available only for terminals, pseudoterminals, sockets, and (since Linux 2.6) pipes and FIFOs".
#include "check.h"
#include <sys/ioctl.h>
#include <sys/socket.h>

static volatile sig_atomic_t signals, signal_number, signal_fd, signal_code, signal_band;

static void count(int number, siginfo_t *info, void *context) {
  (void)context;
  ++signals;
  signal_number = number;
  signal_fd = info->si_fd;
  signal_code = info->si_code;
  signal_band = (int)info->si_band;
}

static int heard(void) {
  int count = signals;
  signals = 0;
  return count;
}

static void owners(int fd) {
  CHECK(fcntl(fd, F_GETOWN) == 0);
  CHECK(fcntl(fd, F_SETOWN, getpid()) == 0 && fcntl(fd, F_GETOWN) == getpid());
  struct f_owner_ex owner = {-1, -1};
  CHECK(fcntl(fd, F_GETOWN_EX, &owner) == 0 && owner.type == F_OWNER_PID && owner.pid == getpid());
  CHECK(fcntl(fd, F_SETOWN, -getpgrp()) == 0);
  CHECK(fcntl(fd, F_GETOWN_EX, &owner) == 0 && owner.type == F_OWNER_PGRP &&
        owner.pid == getpgrp());
  owner = (struct f_owner_ex){F_OWNER_TID, getpid()};
  CHECK(fcntl(fd, F_SETOWN_EX, &owner) == 0);
  owner.type = F_OWNER_PID;
  CHECK(fcntl(fd, F_GETOWN_EX, &owner) == 0 && owner.type == F_OWNER_TID && owner.pid == getpid());
  owner = (struct f_owner_ex){17, getpid()};
  CHECK_ERRNO(fcntl(fd, F_SETOWN_EX, &owner), EINVAL);
  owner = (struct f_owner_ex){F_OWNER_PID, 4000000};
  CHECK_ERRNO(fcntl(fd, F_SETOWN_EX, &owner), ESRCH);
  CHECK_ERRNO(fcntl(fd, F_SETOWN, 4000000), ESRCH);
  CHECK_ERRNO(fcntl(fd, F_SETOWN, (int)0x80000000), EINVAL);
  CHECK_ERRNO(fcntl(fd, F_SETOWN_EX, (void *)8), EFAULT);
  uid_t ids[2] = {17, 17};
  CHECK(fcntl(fd, 17 /* F_GETOWNER_UIDS */, ids) == 0 && ids[0] == getuid() && ids[1] == geteuid());
  CHECK(fcntl(fd, F_SETOWN, 0) == 0 && fcntl(fd, F_GETOWN) == 0);
  CHECK_ERRNO(fcntl(fd, F_SETSIG, 65), EINVAL);
  CHECK_ERRNO(fcntl(fd, F_SETSIG, -1), EINVAL);
  CHECK(fcntl(fd, F_GETSIG) == 0);
}

/// One end is asked to tell when something arrives that the other end sends.
static void readiness(int receiving, int sending) {
  CHECK(fcntl(receiving, F_SETOWN, getpid()) == 0);
  CHECK(fcntl(receiving, F_SETFL, O_ASYNC) == 0 && (fcntl(receiving, F_GETFL) & O_ASYNC));
  CHECK(write(sending, "x", 1) == 1);
  CHECK(heard() == 1 && signal_number == SIGIO);
  CHECK(fcntl(receiving, F_SETSIG, SIGRTMIN) == 0 && fcntl(receiving, F_GETSIG) == SIGRTMIN);
  CHECK(write(sending, "x", 1) == 1);
  CHECK(heard() == 1 && signal_number == SIGRTMIN && signal_fd == receiving);
  CHECK(signal_code == POLL_IN && (signal_band & 0x41) == 0x41);
  // The description's owner is told, whoever writes.
  IN_CHILD(CHECK(write(sending, "x", 1) == 1 && heard() == 0));
  CHECK(heard() == 1);
  CHECK(fcntl(receiving, F_SETFL, 0) == 0);
  CHECK(write(sending, "x", 1) == 1);
  CHECK(heard() == 0);
  int on = 1;
  CHECK(ioctl(receiving, FIOASYNC, &on) == 0 && (fcntl(receiving, F_GETFL) & O_ASYNC));
  CHECK(write(sending, "x", 1) == 1);
  CHECK(heard() == 1);
  // An owner whom the setter may not signal isn't signalled; nor is anybody when there is none.
  CHECK(fcntl(receiving, F_SETOWN, 0) == 0);
  CHECK(write(sending, "x", 1) == 1);
  CHECK(heard() == 0);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = count, .sa_flags = SA_SIGINFO | SA_RESTART};
  NEED(sigaction(SIGIO, &action, NULL) == 0 && sigaction(SIGRTMIN, &action, NULL) == 0);
  int ends[2], pair[2];
  NEED(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  owners(ends[0]);
  owners(pair[0]);
  readiness(ends[0], ends[1]);
  readiness(pair[0], pair[1]);
  // The flag means nothing to a regular file.
  int file = open("file", O_CREAT | O_RDWR, 0600);
  NEED(file >= 0);
  CHECK(fcntl(file, F_SETFL, O_ASYNC) == 0 && !(fcntl(file, F_GETFL) & O_ASYNC));
  return finish();
}
