// capabilities(7), "The securebits flags: establishing a capabilities-only environment".
#include "check.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

static unsigned permitted(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  NEED(syscall(SYS_capget, &header, data) == 0);
  return data[0].permitted;
}
static unsigned effective(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  NEED(syscall(SYS_capget, &header, data) == 0);
  return data[0].effective;
}
static int set(unsigned bits) {
  return prctl(PR_SET_SECUREBITS, bits);
}
static int bits(void) {
  return prctl(PR_GET_SECUREBITS);
}

int main(int argc, char **argv) {
  if (argc > 1)
    return permitted() == 0 && bits() == SECBIT_NOROOT ? 11 : 12;
  CHECK(bits() == 0);
  CHECK_ERRNO(set(1U << 20), EPERM);
  IN_CHILD({
    NEED(prctl(PR_SET_KEEPCAPS, 1) == 0 && bits() == SECBIT_KEEP_CAPS);
    NEED(setresuid(1234, 1234, 1234) == 0);
    CHECK_THAT(permitted() != 0 && effective() == 0, "kept capabilities are permitted alone");
  });
  IN_CHILD({
    CHECK(set(SECBIT_NO_SETUID_FIXUP) == 0 && bits() == SECBIT_NO_SETUID_FIXUP);
    NEED(setresuid(1234, 1234, 1234) == 0);
    CHECK(permitted() != 0 && effective() == permitted());
    IN_CHILD(CHECK(bits() == SECBIT_NO_SETUID_FIXUP));
  });
  pid_t child = fork();
  if (child == 0) {
    NEED(set(SECBIT_NOROOT | SECBIT_KEEP_CAPS) == 0);
    execl("/proc/self/exe", argv[0], "again", NULL);
    _exit(99);
  }
  int status;
  CHECK_THAT(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 11,
             "the program of root gets no capabilities, and execve takes SECBIT_KEEP_CAPS away");
  IN_CHILD({
    CHECK(set(SECBIT_KEEP_CAPS_LOCKED) == 0);
    CHECK_ERRNO(set(0), EPERM);
    CHECK_ERRNO(set(SECBIT_KEEP_CAPS_LOCKED | SECBIT_KEEP_CAPS), EPERM);
    CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 1), EPERM);
    CHECK(set(SECBIT_KEEP_CAPS_LOCKED | SECBIT_NOROOT) == 0);
  });
  IN_CHILD({
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    NEED(syscall(SYS_capget, &header, data) == 0);
    data[0].inheritable = 1U << CAP_KILL;
    NEED(syscall(SYS_capset, &header, data) == 0);
    CHECK(set(SECBIT_NO_CAP_AMBIENT_RAISE) == 0);
    CHECK_ERRNO(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), EPERM);
    CHECK(set(0) == 0);
    CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == 0);
  });
  IN_CHILD({
    NEED(setresuid(1234, 1234, 1234) == 0);
    CHECK_ERRNO(set(0), EPERM);
  });
  return finish();
}
