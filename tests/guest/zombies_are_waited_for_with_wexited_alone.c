// waitid(2), "ECHILD": a child that has ended is nothing that WSTOPPED or WCONTINUED could wait
// for; the call fails at once instead of sleeping for ever.
#include "check.h"

int main(void) {
  siginfo_t info;
  pid_t child = fork();
  if (child == 0)
    _exit(3);
  NEED(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
  CHECK_ERRNO(waitid(P_PID, (id_t)child, &info, WSTOPPED), ECHILD);
  CHECK_ERRNO(waitid(P_PID, (id_t)child, &info, WCONTINUED), ECHILD);
  CHECK_ERRNO(waitid(P_ALL, 0, &info, WSTOPPED | WCONTINUED | WNOHANG), ECHILD);
  struct bell end = new_bell();
  pid_t living = fork();
  if (living == 0) {
    hear(end);
    _exit(0);
  }
  CHECK_THAT(waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG) == 0, "one that lives can still stop");
  tell(end);
  CHECK(waitid(P_PID, (id_t)child, &info, WEXITED) == 0 && info.si_status == 3);
  CHECK(waitid(P_PID, (id_t)living, &info, WEXITED) == 0);
  return finish();
}
