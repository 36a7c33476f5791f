// fcntl(2), F_NOTIFY: "provide notification when the directory referred to by fd or any of the
// files that it contains is changed"; "Directory notifications are normally 'one-shot' …
// DN_MULTISHOT"; "A series of F_NOTIFY requests is cumulative"; "specify arg as 0" ends it. "The
// notification occurs via delivery of a signal. The default signal is SIGIO, but this can be
// changed using the F_SETSIG command".
#include "check.h"

static volatile sig_atomic_t signals, signal_fd;

static void count(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  ++signals;
  signal_fd = info->si_fd;
}

/// How many signals came since the last call.
static int heard(void) {
  int count = signals;
  signals = 0;
  return count;
}

static void make(const char *name) {
  int fd = open(name, O_CREAT | O_WRONLY, 0600);
  NEED(fd >= 0);
  close(fd);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = count, .sa_flags = SA_SIGINFO | SA_RESTART};
  NEED(sigaction(SIGIO, &action, NULL) == 0 && sigaction(SIGRTMIN + 1, &action, NULL) == 0);
  NEED(mkdir("folder", 0700) == 0);
  make("folder/first");
  int folder = open("folder", O_RDONLY), file = open("folder/first", O_RDWR);
  NEED(folder >= 0 && file >= 0);
  CHECK_ERRNO(fcntl(file, F_NOTIFY, DN_MODIFY), ENOTDIR);
  CHECK(fcntl(folder, F_NOTIFY, DN_CREATE) == 0);
  make("folder/second");
  CHECK(heard() == 1);
  make("folder/third");
  CHECK_THAT(heard() == 0, "once");

  CHECK(fcntl(folder, F_SETSIG, SIGRTMIN + 1) == 0);
  CHECK(fcntl(folder, F_NOTIFY, DN_MODIFY | DN_MULTISHOT) == 0);
  CHECK(write(file, "1", 1) == 1);
  CHECK(heard() == 1 && signal_fd == folder);
  CHECK(write(file, "2", 1) == 1);
  CHECK(heard() == 1);
  char byte;
  CHECK(pread(file, &byte, 1, 0) == 1);
  CHECK(heard() == 0);
  CHECK(fcntl(folder, F_NOTIFY, DN_ACCESS | DN_ATTRIB | DN_DELETE | DN_MULTISHOT) == 0);
  CHECK(pread(file, &byte, 1, 0) == 1);
  CHECK(heard() == 1);
  CHECK(write(file, "3", 1) == 1);
  CHECK_THAT(heard() == 1, "what was asked before is still told");
  CHECK(fchmod(file, 0644) == 0);
  CHECK(heard() == 1);
  CHECK(unlink("folder/third") == 0);
  CHECK(heard() == 1);
  // A child's descriptors don't end it; nor is the child told.
  IN_CHILD({
    CHECK(close(folder) == 0);
    NEED(truncate("folder/second", 10) == 0);
    CHECK(heard() == 0);
  });
  CHECK(heard() == 1);
  CHECK(fcntl(folder, F_NOTIFY, 0) == 0);
  CHECK(write(file, "4", 1) == 1);
  CHECK(heard() == 0);

  CHECK(fcntl(folder, F_NOTIFY, DN_CREATE | DN_MULTISHOT) == 0);
  CHECK(rename("folder/second", "folder/renamed") == 0);
  CHECK_THAT(heard() >= 1, "a name that a file gets is a new one");
  int same = dup(folder);
  NEED(same >= 0 && close(folder) == 0);
  make("folder/fourth");
  CHECK_THAT(heard() == 0, "closing any descriptor of it ends the notification");
  return finish();
}
