// uname(2), sysinfo(2), getrandom(2), getcpu(2), sched_yield(2), unknown system calls.
#include "check.h"

#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

int main(void) {
  struct utsname name;
  CHECK(uname(&name) == 0 && strcmp(name.sysname, "Linux") == 0 &&
        strcmp(name.machine, "x86_64") == 0);
  struct sysinfo info;
  CHECK(sysinfo(&info) == 0 && info.totalram > 0 && info.procs > 0);
  unsigned char a[32] = {0}, b[32] = {0};
  CHECK(getrandom(a, 32, 0) == 32 && getrandom(b, 32, GRND_NONBLOCK) == 32 &&
        memcmp(a, b, 32) != 0);
  CHECK_ERRNO(getrandom(a, 32, 0x1000), EINVAL);
  int fds[2];
  NEED(pipe(fds) == 0);
  IN_CHILD({
    NEED(getrandom(a, 32, 0) == 32);
    NEED(write(fds[1], a, 32) == 32);
  });
  NEED(getrandom(a, 32, 0) == 32 && read(fds[0], b, 32) == 32);
  CHECK_THAT(memcmp(a, b, 32) != 0, "random numbers differ after fork");
  unsigned cpu = 12345;
  CHECK(getcpu(&cpu, NULL) == 0 && cpu < 4096);
  CHECK(sched_yield() == 0);
  CHECK_ERRNO(syscall(5000), ENOSYS);
  CHECK_ERRNO(syscall(-1), ENOSYS);
  CHECK_ERRNO(syscall(SYS_create_module, 0, 0), ENOSYS);
  CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1 && sysconf(_SC_PAGESIZE) == 4096);
  return finish();
}
