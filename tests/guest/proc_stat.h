// What /proc/PID/stat says of a process or thread, proc(5).
#pragma once

#include "check.h"

/// The fields of "/proc/PATH/stat" behind the name, from (3) state on; until the next call.
static const char *stat_fields(const char *path) {
  static char text[1024];
  char name[96];
  snprintf(name, sizeof name, "/proc/%s/stat", path);
  const int file = open(name, O_RDONLY);
  NEED(file >= 0);
  const ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  NEED(count > 0);
  text[count] = 0;
  return strrchr(text, ')') + 2;
}

/// R runs, S sleeps, t is stopped by its tracer, ...
__attribute__((unused)) static char state_of(pid_t process) {
  char path[32];
  snprintf(path, sizeof path, "%d", process);
  return stat_fields(path)[0];
}
