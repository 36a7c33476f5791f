// waitpid(2): pid < -1: any child of that process group; 0: of the caller's; WNOHANG; ECHILD;
// EINVAL.
#include "check.h"

int main(void) {
  int status;
  CHECK_ERRNO(wait(&status), ECHILD);
  CHECK_ERRNO(waitpid(-1, &status, WNOHANG), ECHILD);
  CHECK_ERRNO(waitpid(getpid(), &status, 0), ECHILD);
  CHECK_ERRNO(waitpid(-1, &status, 0x10000), EINVAL);
  CHECK_ERRNO(syscall(SYS_wait4, (pid_t)0x80000000, &status, 0, NULL), ESRCH);
  struct bell ready = new_bell(), go = new_bell();
  pid_t grouped = fork();
  if (grouped == 0) {
    setpgid(0, 0);
    tell(ready);
    hear(go);
    _exit(1);
  }
  hear(ready);
  CHECK(waitpid(-1, &status, WNOHANG) == 0);
  CHECK_ERRNO(waitpid(0, &status, WNOHANG), ECHILD);
  CHECK(waitpid(-grouped, &status, WNOHANG) == 0);
  pid_t plain = fork();
  if (plain == 0)
    _exit(2);
  CHECK(waitpid(0, &status, 0) == plain && WEXITSTATUS(status) == 2);
  tell(go);
  CHECK(waitpid(-grouped, &status, 0) == grouped && WEXITSTATUS(status) == 1);
  return finish();
}
