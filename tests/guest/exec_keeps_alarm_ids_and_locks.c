// execve(2), alarm(2) ("Alarms created by alarm() are preserved across execve(2)"), fcntl(2)
// ("Record locks are [...] preserved across an execve(2)"): also pid, parent, umask, cwd, limits.
#include "check.h"

int main(int argc, char **argv) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
  if (argc > 1) {
    unsigned left = alarm(0);
    CHECK(left >= 97 && left <= 100);
    CHECK(getpid() == atoi(argv[1]));
    CHECK(getppid() == atoi(argv[2]));
    CHECK(umask(0) == 0123);
    char folder[64];
    CHECK(getcwd(folder, sizeof folder) && strcmp(folder, "/usr") == 0);
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0);
    IN_CHILD(CHECK_ERRNO(fcntl(60, F_SETLK, &lock), EAGAIN));
    return finish();
  }
  int file = open("file", O_RDWR | O_CREAT, 0600);
  NEED(file >= 0 && dup2(file, 60) == 60);
  NEED(fcntl(60, F_SETLK, &lock) == 0);
  umask(0123);
  struct rlimit none = {0, 0};
  NEED(setrlimit(RLIMIT_CORE, &none) == 0);
  NEED(chdir("/usr") == 0);
  alarm(100);
  char self[16], parent[16];
  snprintf(self, sizeof self, "%d", getpid());
  snprintf(parent, sizeof parent, "%d", getppid());
  execl("/proc/self/exe", "again", self, parent, NULL);
  NEED(0);
}
