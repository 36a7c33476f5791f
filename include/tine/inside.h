/* For programs in a box of tine: fork the box that they run in. C and C++; nothing to link. */
#ifndef TINE_INSIDE_H
#define TINE_INSIDE_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Forks the whole box: all its processes, memory and files, at one instant. Returns 0 in the
   original and the copy's number in the copy. Of a box in the background (tine run -d), `tine ps`
   shows it as NAME-NUMBER; of one in the foreground, the copy writes where the original does, and
   tine waits for it. -1 with errno: ENOENT if this is no box of the command tine, ENOTSUP if the
   box has something open that can't be copied (its log, or standard error, says what), ENOSPC if
   there are 10,000 boxes, EINTR if a signal came before the fork. */
static inline long tine_fork(void) {
  char text[32] = "";
  const int fd = open("/dev/tine", O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return -1;
  const ssize_t written = write(fd, "fork", 4);
  const ssize_t length = written == 4 ? read(fd, text, sizeof text - 1) : -1;
  const int error = errno;
  close(fd);
  errno = error;
  return length > 0 ? strtol(text, NULL, 10) : -1;
}

#endif
