// prctl(2), PR_SET_SECCOMP, SECCOMP_MODE_STRICT: "the only system calls that the thread is
// permitted to make are read(2), write(2), _exit(2) (but not exit_group(2)), and sigreturn(2).
// Other system calls result in the delivery of a SIGKILL signal"; seccomp(2),
// SECCOMP_SET_MODE_STRICT; proc(5), Seccomp.
#include "check.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>

static void enter(void) {
  NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
}
static void say(const char *text) {
  if (write(1, text, strlen(text)) < 0)
    syscall(SYS_exit, 3);
}

int main(void) {
  CHECK_ERRNO(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
  CHECK_ERRNO(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, &errno), EINVAL);
  CHECK(prctl(PR_GET_SECCOMP) == 0);
  CHECK(SIGNAL_THAT_KILLS(enter(); getppid()) == SIGKILL);
  CHECK(SIGNAL_THAT_KILLS(enter(); prctl(PR_GET_SECCOMP)) == SIGKILL);
  CHECK(SIGNAL_THAT_KILLS(enter(); close(0)) == SIGKILL);
  CHECK(SIGNAL_THAT_KILLS(enter(); _exit(0)) == SIGKILL); // exit_group
  CHECK(SIGNAL_THAT_KILLS(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL); getppid()) ==
        SIGKILL);
  CHECK(SIGNAL_THAT_KILLS({
          enter();
          say("ok it may write\n");
          syscall(SYS_exit, 0);
        }) == 0);
  struct bell bell = new_bell();
  pid_t child = fork();
  if (child == 0) {
    enter();
    char byte;
    syscall(SYS_exit, read(bell.fds[0], &byte, 1) == 1 ? 7 : 8);
  }
  sleep_ms(50);
  char path[64], text[4096] = "";
  snprintf(path, sizeof path, "/proc/%d/status", child);
  int status, file = open(path, O_RDONLY);
  CHECK(read(file, text, sizeof text - 1) > 0 && strstr(text, "\nSeccomp:\t1\n") != NULL);
  tell(bell);
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
  return finish();
}
