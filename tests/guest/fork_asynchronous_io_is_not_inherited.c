// fork(2): "The child does not inherit outstanding asynchronous I/O operations from its parent
// [...] nor does it inherit any asynchronous I/O contexts from its parent (see io_setup(2))."
#include "check.h"

int main(void) {
  unsigned long context = 0;
  NEED(syscall(SYS_io_setup, 4, &context) == 0);
  IN_CHILD(CHECK_ERRNO(syscall(SYS_io_destroy, context), EINVAL););
  CHECK(syscall(SYS_io_destroy, context) == 0);
  CHECK_ERRNO(syscall(SYS_io_destroy, context), EINVAL);
  return finish();
}
