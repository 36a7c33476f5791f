// kill(2), tgkill(2), rt_sigqueueinfo(2): "ESRCH" comes before the "EINVAL: an invalid signal";
// kill of -1 finds only others' processes: no error.
#include "check.h"

int main(void) {
  enum { nobody_has = 1 << 29 };
  siginfo_t info = {.si_code = SI_QUEUE};
  CHECK_ERRNO(kill(nobody_has, 65), ESRCH);
  CHECK_ERRNO(kill(-nobody_has, 65), ESRCH);
  CHECK_ERRNO(kill(getpid(), 65), EINVAL);
  CHECK_ERRNO(syscall(SYS_tkill, nobody_has, 65), ESRCH);
  CHECK_ERRNO(syscall(SYS_tkill, getpid(), 65), EINVAL);
  CHECK_ERRNO(syscall(SYS_tgkill, getpid(), nobody_has, 65), ESRCH);
  CHECK_ERRNO(syscall(SYS_tgkill, getpid(), getpid(), -1), EINVAL);
  CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, nobody_has, 65, &info), ESRCH);
  CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, getpid(), 65, &info), EINVAL);
  IN_CHILD({
    NEED(setresuid(1234567, 1234567, 1234567) == 0); // no other process has this id
    CHECK(kill(-1, 0) == 0);
    CHECK_ERRNO(kill(-1, 65), EINVAL);
    CHECK_ERRNO(kill(getppid(), 0), EPERM);
  });
  return finish();
}
