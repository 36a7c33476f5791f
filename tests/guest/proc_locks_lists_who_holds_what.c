// proc(5), /proc/locks: "shows current file locks … and leases". Here: the lines about one file.
#include "check.h"
#include <sys/file.h>

/// Whether the file's lines are exactly `count`, and one of them holds all of the words.
static int says(int fd, int count, const char *kind, const char *mode, pid_t holder,
                const char *range) {
  struct stat status;
  NEED(fstat(fd, &status) == 0);
  FILE *locks = fopen("/proc/locks", "r");
  NEED(locks);
  char number[32], line[256], who[32];
  snprintf(number, sizeof number, ":%llu ", (unsigned long long)status.st_ino);
  snprintf(who, sizeof who, " %d ", holder);
  int lines = 0, found = 0;
  while (fgets(line, sizeof line, locks)) {
    if (!strstr(line, number) || strstr(line, "->"))
      continue;
    ++lines;
    found |= strstr(line, kind) && strstr(line, mode) && strstr(line, who) && strstr(line, range);
  }
  fclose(locks);
  return lines == count && found;
}

int main(void) {
  int fd = open("file", O_CREAT | O_RDWR, 0600), reading = open("file", O_RDONLY);
  NEED(fd >= 0 && reading >= 0);
  struct flock lock = {.l_type = F_WRLCK, .l_start = 10, .l_len = 20};
  CHECK(fcntl(fd, F_SETLK, &lock) == 0 &&
        says(fd, 1, "POSIX  ADVISORY", "WRITE", getpid(), " 10 29\n"));
  lock = (struct flock){.l_type = F_RDLCK, .l_start = 100};
  CHECK(fcntl(fd, F_SETLK, &lock) == 0 &&
        says(fd, 2, "POSIX  ADVISORY", "READ", getpid(), " 100 EOF\n"));
  lock = (struct flock){.l_type = F_UNLCK};
  CHECK(fcntl(fd, F_SETLK, &lock) == 0);
  CHECK(flock(fd, LOCK_EX) == 0 && says(fd, 1, "FLOCK  ADVISORY", "WRITE", getpid(), " 0 EOF\n"));
  CHECK(flock(fd, LOCK_UN) == 0);
  lock = (struct flock){.l_type = F_WRLCK, .l_len = 1};
  CHECK(fcntl(fd, F_OFD_SETLK, &lock) == 0 &&
        says(fd, 1, "OFDLCK ADVISORY", "WRITE", -1, " 0 0\n"));
  CHECK(close(fd) == 0);
  CHECK(fcntl(reading, F_SETLEASE, F_RDLCK) == 0 &&
        says(reading, 1, "LEASE  ACTIVE", "READ", getpid(), " 0 EOF\n"));
  CHECK(fcntl(reading, F_SETLEASE, F_UNLCK) == 0 &&
        !says(reading, 1, "LEASE", "READ", getpid(), ""));
  return finish();
}
