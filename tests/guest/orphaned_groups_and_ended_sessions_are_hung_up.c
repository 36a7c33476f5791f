// _exit(2), setpgid(2): "If the exit of the process causes a process group to become orphaned, and
// if any member of the newly orphaned process group is stopped, then a SIGHUP signal followed by a
// SIGCONT signal will be sent to each process in this group"; "if the process is a session leader
// and its controlling terminal …, then each process in the foreground process group … is sent a
// SIGHUP".
#include "check.h"

#include <sys/ioctl.h>

static int marks[2];
static void mark(int signal) {
  char letter = signal == SIGHUP ? 'h' : signal == SIGCONT ? 'c' : '?';
  if (write(marks[1], &letter, 1) != 1)
    _exit(9);
}
static void catch_both(void) {
  struct sigaction action = {.sa_handler = mark};
  sigemptyset(&action.sa_mask);
  NEED(sigaction(SIGHUP, &action, NULL) == 0 && sigaction(SIGCONT, &action, NULL) == 0);
}
/// The letters that come until all writers are gone, in alphabetical order.
static const char *letters(void) {
  static char text[16];
  size_t length = 0;
  close(marks[1]);
  for (ssize_t count; length < sizeof text - 1 &&
                      (count = read(marks[0], text + length, sizeof text - 1 - length)) > 0;)
    length += (size_t)count;
  close(marks[0]);
  text[length] = 0;
  if (length == 2 && text[0] > text[1]) {
    char first = text[0];
    text[0] = text[1];
    text[1] = first;
  }
  return text;
}

/// The child's child stops (or waits) in a group of its own; the child exits.
static const char *orphan(int stops) {
  NEED(pipe(marks) == 0);
  pid_t child = fork();
  if (child == 0) {
    pid_t grandchild = fork();
    if (grandchild == 0) {
      catch_both();
      setpgid(0, 0);
      if (stops)
        raise(SIGSTOP);
      sleep_ms(200);
      _exit(0);
    }
    setpgid(grandchild, grandchild);
    int status;
    if (stops)
      waitpid(grandchild, &status, WUNTRACED);
    else
      sleep_ms(100);
    _exit(0);
  }
  int status;
  NEED(waitpid(child, &status, 0) == child);
  return letters();
}

/// A session leader with a terminal exits; its foreground group and another one are left.
static const char *hang_up(int foreground) {
  NEED(pipe(marks) == 0);
  pid_t leader = fork();
  if (leader == 0) {
    setsid();
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    NEED(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    NEED(terminal >= 0 && ioctl(terminal, TIOCSCTTY, 0) == 0);
    signal(SIGTTOU, SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
      close(master);
      catch_both();
      setpgid(0, 0);
      if (foreground)
        tcsetpgrp(terminal, getpid());
      if (write(marks[1], "r", 1) != 1)
        _exit(9);
      sleep_ms(300);
      sleep_ms(100);
      _exit(0);
    }
    close(marks[1]);
    char ready;
    NEED(read(marks[0], &ready, 1) == 1);
    signal(SIGHUP, SIG_IGN);
    _exit(0);
  }
  int status;
  NEED(waitpid(leader, &status, 0) == leader && status == 0);
  return letters();
}

int main(void) {
  CHECK(strcmp(orphan(1), "ch") == 0);
  CHECK(strcmp(orphan(0), "") == 0);
  CHECK(strcmp(hang_up(1), "h") == 0);
  CHECK(strcmp(hang_up(0), "") == 0);
  return finish();
}
