// waitid(2): si_pid, si_uid, si_signo, si_status, si_code; WNOWAIT leaves the child waitable;
// WNOHANG with nothing to report zeroes si_pid.
#include "check.h"

int main(void) {
  siginfo_t info;
  struct bell go = new_bell();
  pid_t child = fork();
  if (child == 0) {
    hear(go);
    abort();
  }
  memset(&info, 0xff, sizeof info);
  CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0 &&
        info.si_signo == 0);
  CHECK_ERRNO(waitid(P_PID, (id_t)child, &info, 0), EINVAL);
  CHECK_ERRNO(waitid(P_PID, (id_t)getpid(), &info, WEXITED), ECHILD);
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  tell(go);
  CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == child);
  CHECK(waitid(P_ALL, 0, &info, WEXITED) == 0 && info.si_pid == child);
  CHECK(info.si_signo == SIGCHLD && info.si_status == SIGABRT && info.si_uid == getuid());
  CHECK(info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED);
  CHECK_ERRNO(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
  child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    usleep(300000); // the continuation is waited for before the exit
    _exit(3);
  }
  CHECK(waitid(P_PID, (id_t)child, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED &&
        info.si_status == SIGSTOP);
  kill(child, SIGCONT);
  CHECK(waitid(P_PID, (id_t)child, &info, WCONTINUED) == 0 && info.si_code == CLD_CONTINUED &&
        info.si_status == SIGCONT);
  struct rusage usage;
  CHECK(syscall(SYS_waitid, P_PID, child, &info, WEXITED, &usage) == 0 &&
        info.si_code == CLD_EXITED && info.si_status == 3);
  return finish();
}
