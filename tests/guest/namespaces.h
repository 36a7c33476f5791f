// Helpers of the tests of namespaces.
#pragma once

#include "check.h"

#include <sys/mount.h>

/// Writes a text to a file of /proc; 0, or the errno.
__attribute__((unused)) static int write_text(const char *path, const char *text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0)
    return errno;
  const ssize_t written = write(file, text, strlen(text));
  const int error = written == (ssize_t)strlen(text) ? 0 : errno;
  close(file);
  return error;
}

/// The text of a file of /proc.
__attribute__((unused)) static const char *read_text(const char *path) {
  static char text[8192];
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  NEED(file >= 0);
  const ssize_t size = read(file, text, sizeof text - 1);
  NEED(size >= 0);
  text[size] = '\0';
  close(file);
  return text;
}

/// A line of /proc/PID/status, blanks as one space.
__attribute__((unused)) static int has_status(const char *path, const char *line) {
  static char text[8192];
  const char *from = read_text(path);
  char *to = text;
  *to++ = '\n';
  for (; *from != '\0'; ++from)
    *to++ = *from == '\t' ? ' ' : *from;
  *to = '\0';
  char wanted[256];
  snprintf(wanted, sizeof wanted, "\n%s\n", line);
  return strstr(text, wanted) != NULL;
}

/// A new user namespace in which the caller is root.
__attribute__((unused)) static void become_root_inside(void) {
  char map[64];
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  NEED(unshare(CLONE_NEWUSER) == 0);
  NEED(write_text("/proc/self/setgroups", "deny") == 0);
  snprintf(map, sizeof map, "0 %u 1", uid);
  NEED(write_text("/proc/self/uid_map", map) == 0);
  snprintf(map, sizeof map, "0 %u 1", gid);
  NEED(write_text("/proc/self/gid_map", map) == 0);
}

/// clone(2) with a namespace's flag, as fork(2).
__attribute__((unused)) static pid_t clone_into(unsigned long flags) {
  return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}
