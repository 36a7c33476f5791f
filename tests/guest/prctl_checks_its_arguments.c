// prctl(2), ERRORS: what each operation refuses. syslog(2): "EINVAL: Bad arguments (e.g., bad type;
// or for type 2, 3, or 4, buf is NULL, or len is less than zero)".
#include "check.h"
#include <linux/seccomp.h>
#include <sys/prctl.h>

int main(void) {
  CHECK_ERRNO(prctl(9999, 0, 0, 0, 0), EINVAL);
  CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
  CHECK_ERRNO(prctl(PR_SET_DUMPABLE, 2), EINVAL);
  CHECK_ERRNO(prctl(PR_SET_NAME, 8), EFAULT);
  CHECK(prctl(PR_SET_TIMING, PR_TIMING_STATISTICAL) == 0 &&
        prctl(PR_GET_TIMING) == PR_TIMING_STATISTICAL);
  CHECK_ERRNO(prctl(PR_SET_TIMING, PR_TIMING_TIMESTAMP), EINVAL);
  CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
  CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
  CHECK_ERRNO(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0), EINVAL);
  CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0);
  CHECK_ERRNO(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
  CHECK_ERRNO(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 8), EFAULT);
  CHECK_ERRNO(prctl(PR_SET_SECCOMP, 5, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 8), EFAULT);
  CHECK_ERRNO(syscall(SYS_seccomp, 99, 0, 0), EINVAL);
  CHECK_ERRNO(prctl(PR_SET_SECUREBITS, 0xffff), EPERM);
  CHECK(prctl(PR_TASK_PERF_EVENTS_DISABLE) == 0 && prctl(PR_TASK_PERF_EVENTS_ENABLE) == 0);
  CHECK(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0) >= 0);
  CHECK_ERRNO(prctl(PR_GET_SPECULATION_CTRL, 99, 0, 0, 0), ENODEV);
  CHECK_ERRNO(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 1, 0, 0), EINVAL);
  CHECK(prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 0, 0, 0, 0) == 0);
  CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
  CHECK_ERRNO(prctl(PR_CAPBSET_READ, 99), EINVAL);
  CHECK_ERRNO(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0), EINVAL);

  char text[64];
  CHECK_ERRNO(syscall(SYS_syslog, 99, text, 10), EINVAL);
  CHECK_ERRNO(syscall(SYS_syslog, -1, text, 10), EINVAL);
  CHECK_ERRNO(syscall(SYS_syslog, 3, NULL, 10), EINVAL);
  CHECK_ERRNO(syscall(SYS_syslog, 3, text, -1), EINVAL);
  CHECK(syscall(SYS_syslog, 3, text, 0) == 0);
  CHECK_ERRNO(syscall(SYS_syslog, 8, NULL, 9), EINVAL);
  CHECK(syscall(SYS_syslog, 10, NULL, 0) >= 0);
  IN_CHILD({
    NEED(setresuid(1234, 1234, 1234) == 0);
    CHECK_ERRNO(syscall(SYS_syslog, 5, NULL, 0), EPERM);
    CHECK_ERRNO(syscall(SYS_reboot, 0, 0, 0, NULL), EPERM);
  });
  return finish();
}
