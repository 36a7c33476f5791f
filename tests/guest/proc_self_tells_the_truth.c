// proc(5): cmdline, exe, cwd, fd, fdinfo, stat, status, environ, limits of the process itself.
#include "check.h"

static ssize_t slurp(const char *path, char *text, size_t size) {
  int file = open(path, O_RDONLY);
  ssize_t length = file < 0 ? -1 : read(file, text, size - 1);
  if (length >= 0)
    text[length] = 0;
  if (file >= 0)
    close(file);
  return length;
}
int main(int argc, char **argv) {
  static char text[16384];
  char other[4096], path[64];
  (void)argc;
  CHECK(slurp("/proc/self/cmdline", text, sizeof text) == (ssize_t)strlen(argv[0]) + 1 &&
        strcmp(text, argv[0]) == 0);
  ssize_t length = readlink("/proc/self/exe", text, sizeof text - 1);
  CHECK(length == (ssize_t)strlen(argv[0]) && memcmp(text, argv[0], (size_t)length) == 0);
  length = readlink("/proc/self/cwd", text, sizeof text - 1);
  text[length < 0 ? 0 : length] = 0;
  CHECK(getcwd(other, sizeof other) && strcmp(text, other) == 0);
  length = readlink("/proc/self", text, sizeof text - 1);
  text[length < 0 ? 0 : length] = 0;
  CHECK(atoi(text) == getpid());
  int file = open("/etc/passwd", O_RDONLY);
  NEED(lseek(file, 7, SEEK_SET) == 7);
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  length = readlink(path, text, sizeof text - 1);
  CHECK(length == 11 && memcmp(text, "/etc/passwd", 11) == 0);
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", file);
  CHECK(slurp(path, text, sizeof text) > 0 && strncmp(text, "pos:\t7\n", 7) == 0);
  int pid, parent;
  char state, name[64];
  CHECK(slurp("/proc/self/stat", text, sizeof text) > 0 &&
        sscanf(text, "%d (%63[^)]) %c %d", &pid, name, &state, &parent) == 4);
  CHECK(pid == getpid() && parent == getppid() && state == 'R' &&
        strcmp(name, "proc_self_tells") == 0);
  CHECK(slurp("/proc/self/status", text, sizeof text) > 0);
  snprintf(other, sizeof other, "\nPid:\t%d\n", getpid());
  CHECK(strstr(text, other) != NULL);
  CHECK(strstr(text, "\nThreads:\t1\n") && strstr(text, "\nVmRSS:") &&
        strstr(text, "\nSigBlk:\t0000000000000000\n"));
  CHECK(slurp("/proc/self/limits", text, sizeof text) > 0 && strstr(text, "Max open files"));
  CHECK(slurp("/proc/self/statm", text, sizeof text) > 0 && atol(text) > 50);
  CHECK(slurp("/proc/meminfo", text, sizeof text) > 0 && strncmp(text, "MemTotal:", 9) == 0);
  CHECK(slurp("/proc/uptime", text, sizeof text) > 0);
  // proc(5): "time the system spent idle (in seconds)"; /proc/PID/syscall shows a call of the
  // reader.
  double up, idle, idle_before = 0;
  int decreases = 0;
  for (int i = 0; i < 200; ++i, idle_before = idle) {
    if (slurp("/proc/uptime", text, sizeof text) <= 0 || sscanf(text, "%lf %lf", &up, &idle) != 2)
      decreases = 1000;
    decreases += idle < idle_before;
    for (volatile int spin = 0; spin < 20000; ++spin) {
    }
  }
  CHECK_THAT(decreases == 0, "idle time never decreases");
  const int calls = open("/proc/self/syscall", O_RDONLY);
  NEED(calls >= 0);
  memset(text, 0, sizeof text);
  CHECK(syscall(SYS_read, calls, text, 100) > 0);
  snprintf(other, sizeof other, "0 %#x %#lx 0x64 ", calls, (unsigned long)text);
  CHECK_THAT(strncmp(text, other, strlen(other)) == 0, "/proc/self/syscall shows this read");
  struct stat state_of;
  CHECK_ERRNO(lstat("/proc/self/fd/-0", &state_of), ENOENT);
  CHECK_ERRNO(lstat("/proc/self/fd/00", &state_of), ENOENT);
  CHECK(slurp("/proc/cpuinfo", text, sizeof text) > 0 && strstr(text, "processor\t: 0"));
  CHECK_ERRNO(open("/proc/999999/stat", O_RDONLY), ENOENT);
  CHECK_ERRNO(open("/proc/self/nothing", O_RDONLY), ENOENT);
  return finish();
}
