// process_madvise(2).
#include "check.h"

#include <sys/uio.h>

int main(void) {
  char *memory = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memset(memory, 7, 4 * 4096);
  struct bell end = new_bell();
  pid_t child = fork();
  if (child == 0) {
    hear(end);
    _exit(memory[0] != 7 || memory[3 * 4096] != 7);
  }
  int process = (int)syscall(SYS_pidfd_open, child, 0);
  NEED(process >= 0);
  struct iovec ranges[] = {{memory, 4096}, {memory + 2 * 4096, 2 * 4096}}, odd = {memory + 1, 4096};
  CHECK(syscall(SYS_process_madvise, process, ranges, 2, MADV_COLD, 0) == 3 * 4096);
  CHECK(syscall(SYS_process_madvise, process, ranges, 2, MADV_WILLNEED, 0) == 3 * 4096);
  CHECK_ERRNO(syscall(SYS_process_madvise, process, ranges, 2, MADV_DONTNEED, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_process_madvise, process, ranges, 2, MADV_COLD, 1), EINVAL);
  CHECK_ERRNO(syscall(SYS_process_madvise, process, &odd, 1, MADV_COLD, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_process_madvise, 1, ranges, 2, MADV_COLD, 0), EBADF);
  CHECK_ERRNO(syscall(SYS_process_madvise, 999, ranges, 2, MADV_COLD, 0), EBADF);
  CHECK_ERRNO(syscall(SYS_process_madvise, process, ranges, 2000, MADV_COLD, 0), EINVAL);
  tell(end);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  return finish();
}
