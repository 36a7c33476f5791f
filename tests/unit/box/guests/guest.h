// What the guests of the tests of box forks have in common.
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// One line to the test. write(2): the buffers of stdio would be copied with the box.
static inline void say(const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  line[length] = '\n';
  if (write(1, line, (size_t)length + 1) != length + 1)
    _exit(3);
}

// A fact: "ok NAME", or what is wrong.
#define CHECK(name, condition)                                                                     \
  say((condition) ? "ok %s" : "WRONG %s (line %d, errno %d)", name, __LINE__, errno)

// The next line of standard input, without the newline. Ends the program at the end of input.
static inline const char *next_line(void) {
  static char line[256];
  size_t length = 0;
  while (length < sizeof line - 1) {
    char c;
    const ssize_t count = read(0, &c, 1);
    if (count < 0) {
      say("WRONG read of standard input: errno %d", errno);
      _exit(4);
    }
    if (count == 0)
      _exit(0);
    if (c == '\n')
      break;
    line[length++] = c;
  }
  line[length] = 0;
  return line;
}
