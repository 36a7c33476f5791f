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
  CHECK_ERRNO(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 1), EINVAL);
  CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0 && prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1);
  IN_CHILD(CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1));
  CHECK(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0) == 0 &&
        prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_EARLY);
  IN_CHILD(CHECK(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_EARLY));
  CHECK(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0) == 0 &&
        prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_DEFAULT);
  CHECK_ERRNO(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0), EINVAL);
  CHECK_ERRNO(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0), EINVAL);
  CHECK(prctl(PR_SET_TSC, PR_TSC_ENABLE) == 0);
  CHECK_ERRNO(prctl(PR_SET_TSC, 5), EINVAL);
  CHECK_ERRNO(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 8), EFAULT);
  CHECK_ERRNO(prctl(PR_SET_SECCOMP, 5, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 8), EFAULT);
  CHECK_ERRNO(syscall(SYS_seccomp, 99, 0, 0), EINVAL);
  CHECK_ERRNO(prctl(PR_SET_SECUREBITS, 0xffff), EPERM);
  CHECK(prctl(PR_TASK_PERF_EVENTS_DISABLE) == 0 && prctl(PR_TASK_PERF_EVENTS_ENABLE) == 0);
  CHECK(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0) >= 0);
  CHECK_ERRNO(prctl(PR_SET_SPECULATION_CTRL, 99, PR_SPEC_DISABLE, 0, 0), ENODEV);
  CHECK_ERRNO(prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 1, 0), EINVAL);
  CHECK_ERRNO(prctl(PR_GET_SPECULATION_CTRL, 99, 0, 0, 0), ENODEV);
  CHECK_ERRNO(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 1, 0, 0), EINVAL);
  CHECK(prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 0, 0, 0, 0) == 0);
  CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
  int slack = open("/proc/self/timerslack_ns", O_WRONLY); // proc(5)
  CHECK(write(slack, "777", 3) == 3 && prctl(PR_GET_TIMERSLACK) == 777);
  CHECK(write(slack, "0", 1) == 1 && prctl(PR_GET_TIMERSLACK) == 50000);
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
    CHECK_ERRNO(prctl(57 /* PR_SET_IO_FLUSHER */, 1, 0, 0, 0), EPERM);
    CHECK_ERRNO(syscall(SYS_syslog, 5, NULL, 0), EPERM);
    CHECK_ERRNO(syscall(SYS_reboot, 0, 0, 0, NULL), EPERM);
  });
  return finish();
}
