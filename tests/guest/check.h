// What every guest program uses: CHECK prints `ok <what>` or `FAIL <what>`, and finish() is main's
// value. The same binary runs natively and in the box, and both must print the same bytes, so a
// program prints facts ("the child's ppid is the parent"), never values that may differ (pids,
// addresses, times).
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int check_failures;

/// Says whether a fact holds. Written with write(2) at once: a child that is killed has said it
/// all, and fork copies no unwritten buffer.
__attribute__((unused)) static int check(int holds, const char *what) {
  char line[512];
  int length = snprintf(line, sizeof line, "%s %s\n", holds ? "ok" : "FAIL", what);
  if (length > (int)sizeof line - 1)
    length = (int)sizeof line - 1;
  if (write(1, line, (size_t)length) != length)
    _exit(99);
  if (!holds)
    ++check_failures;
  return holds;
}
#define CHECK(...) check(!!(__VA_ARGS__), #__VA_ARGS__)
#define CHECK_THAT(condition, what) check(!!(condition), what)

/// The call must fail with this errno.
#define CHECK_ERRNO(call, error)                                                                   \
  do {                                                                                             \
    errno = 0;                                                                                     \
    long check_value = (long)(call);                                                               \
    int check_errno = errno;                                                                       \
    if (!check(check_value == -1 && check_errno == (error), #call " is " #error))                  \
      fprintf(stderr, "  value %ld, errno %d (%s)\n", check_value, check_errno,                    \
              strerror(check_errno));                                                              \
  } while (0)

/// main's value: 0 if all facts held.
__attribute__((unused)) static int finish(void) {
  return check_failures != 0;
}

/// What a test needs in order to say anything at all; ends the program.
#define NEED(condition)                                                                            \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno));         \
      check(0, "needed: " #condition);                                                             \
      _exit(98);                                                                                   \
    }                                                                                              \
  } while (0)

/// Runs the statements in a child of fork(2) and adds its failures to ours.
#define IN_CHILD(...)                                                                              \
  do {                                                                                             \
    pid_t check_child = fork();                                                                    \
    NEED(check_child >= 0);                                                                        \
    if (check_child == 0) {                                                                        \
      check_failures = 0;                                                                          \
      __VA_ARGS__;                                                                                 \
      _exit(check_failures != 0);                                                                  \
    }                                                                                              \
    int check_status = -1;                                                                         \
    NEED(waitpid(check_child, &check_status, __WALL) == check_child);                              \
    if (check_status != 0) {                                                                       \
      ++check_failures;                                                                            \
      fprintf(stderr, "  child's wait status: %#x\n", check_status);                               \
    }                                                                                              \
  } while (0)

/// The signal that kills a child which runs the statements; 0 if it exits.
#define SIGNAL_THAT_KILLS(...)                                                                     \
  ({                                                                                               \
    pid_t check_child = fork();                                                                    \
    NEED(check_child >= 0);                                                                        \
    if (check_child == 0) {                                                                        \
      __VA_ARGS__;                                                                                 \
      _exit(0);                                                                                    \
    }                                                                                              \
    int check_status = -1;                                                                         \
    NEED(waitpid(check_child, &check_status, 0) == check_child);                                   \
    WIFSIGNALED(check_status) ? WTERMSIG(check_status) : 0;                                        \
  })

__attribute__((unused)) static void sleep_ms(long milliseconds) {
  struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (nanosleep(&left, &left) == -1 && errno == EINTR) {
  }
}

__attribute__((unused)) static int64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/// A pipe to say and to wait: tell() wakes hear() of another process once.
struct bell {
  int fds[2];
};
__attribute__((unused)) static struct bell new_bell(void) {
  struct bell bell;
  NEED(pipe(bell.fds) == 0);
  return bell;
}
__attribute__((unused)) static void tell(struct bell bell) {
  NEED(write(bell.fds[1], "!", 1) == 1);
}
__attribute__((unused)) static void hear(struct bell bell) {
  char byte;
  ssize_t count;
  do
    count = read(bell.fds[0], &byte, 1);
  while (count == -1 && errno == EINTR);
  NEED(count == 1);
}
