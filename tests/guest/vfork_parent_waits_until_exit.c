// vfork(2): "the calling thread is suspended until the child terminates [...] or it makes a call to
// execve(2). Until that point, the child shares all memory with its parent, including the stack."
#include "check.h"

static volatile int shared;
int main(void) {
  pid_t parent = getpid();
  int64_t start = monotonic_ns();
  pid_t child = vfork();
  if (child == 0) {
    sleep_ms(60);
    shared = getppid() == parent ? 7 : 8;
    _exit(3);
  }
  CHECK_THAT(monotonic_ns() - start >= 60000000, "the parent slept");
  CHECK_THAT(shared == 7, "the child's write is the parent's");
  int status;
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
  return finish();
}
