// capabilities(7): "A child created via fork(2) inherits copies of its parent's capability sets";
// prctl(2): PR_SET_KEEPCAPS is copied by fork and cleared by execve.
#include "check.h"

#include <linux/capability.h>
#include <sys/prctl.h>

static int get(struct __user_cap_data_struct *data) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  return (int)syscall(SYS_capget, &header, data);
}
int main(int argc, char **argv) {
  struct __user_cap_data_struct data[2], child[2];
  (void)argv;
  if (argc > 1) {
    CHECK(prctl(PR_GET_KEEPCAPS) == 0);
    return finish();
  }
  NEED(get(data) == 0);
  data[0].effective &= ~(1u << CAP_CHOWN);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  CHECK(syscall(SYS_capset, &header, data) == 0);
  CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0);
  IN_CHILD({
    CHECK(get(child) == 0 && memcmp(child, data, sizeof data) == 0);
    CHECK(prctl(PR_GET_KEEPCAPS) == 1);
  });
  NEED(close(open("file", O_CREAT | O_WRONLY, 0600)) == 0);
  CHECK_ERRNO(chown("file", 5, 5), EPERM);
  execl("/proc/self/exe", "again", "x", NULL);
  NEED(0);
}
