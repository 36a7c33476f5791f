// mmap(2), munmap(2), mprotect(2), ERRORS.
#include "check.h"

int main(void) {
  int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  CHECK_ERRNO(mmap(NULL, 0, PROT_READ, anonymous, -1, 0), EINVAL);
  CHECK_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
  CHECK_ERRNO(mmap((void *)1, 4096, PROT_READ, anonymous | MAP_FIXED, -1, 0), EINVAL);
  CHECK_ERRNO(mmap(NULL, (size_t)1 << 62, PROT_READ, anonymous, -1, 0), ENOMEM);
  CHECK_ERRNO(mmap((void *)(1UL << 47), 4096, PROT_READ, anonymous | MAP_FIXED, -1, 0), ENOMEM);
  CHECK_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
  CHECK_ERRNO(syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, 0, 1), EINVAL);
  int directory = open("/", O_RDONLY);
  CHECK_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, directory, 0), ENODEV);
  int read_only = open("/proc/self/exe", O_RDONLY);
  CHECK_ERRNO(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, read_only, 0), EACCES);
  CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, read_only, 0) != MAP_FAILED);
  int write_only = open("file", O_WRONLY | O_CREAT, 0600);
  CHECK_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, write_only, 0), EACCES);
  char *memory = mmap(NULL, 3 * 4096, PROT_READ, anonymous, -1, 0);
  NEED(memory != MAP_FAILED);
  CHECK_ERRNO(munmap(memory + 1, 4096), EINVAL);
  CHECK_ERRNO(munmap(memory, 0), EINVAL);
  CHECK_ERRNO(mprotect(memory + 1, 4096, PROT_READ), EINVAL);
  CHECK(munmap(memory + 4096, 4096) == 0);
  CHECK_THAT(munmap(memory, 3 * 4096) == 0, "holes are no error for munmap");
  CHECK_ERRNO(mprotect(memory, 4096, PROT_READ), ENOMEM);
  CHECK(mprotect(memory, 0, PROT_READ) == 0);
  char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, read_only, 0);
  CHECK_ERRNO(mprotect(shared, 4096, PROT_READ | PROT_WRITE), EACCES);
  // "EOVERFLOW: … the number of pages used for length plus … offset would overflow".
  int file = open("file", O_RDWR);
  CHECK_ERRNO(mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, file, 0x7ffffffffffff000), EOVERFLOW);
  // What no address space has room for is ENOMEM, whatever the file and the offset are.
  const size_t vast = (size_t)-4096;
  CHECK_ERRNO(mmap(NULL, vast, PROT_READ, MAP_SHARED, file, 0), ENOMEM);
  CHECK_ERRNO(mmap(shared, vast, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0), ENOMEM);
  CHECK_ERRNO(mmap(NULL, vast, PROT_READ, MAP_SHARED, file, (off_t)vast), ENOMEM);
  CHECK_ERRNO(mmap(NULL, vast, PROT_READ, MAP_SHARED, write_only, 0), ENOMEM);
  CHECK_ERRNO(mmap(shared + 1, vast, PROT_READ, anonymous | MAP_FIXED, -1, 0), ENOMEM);
  CHECK_THAT(mmap(NULL, 8192, PROT_READ, anonymous, -1, -4096) != MAP_FAILED,
             "anonymous memory has no offset");
  int place = open("file", O_PATH);
  CHECK_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, place, 0), EBADF);
  // Only a file knows what flags it supports.
  CHECK_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL);
  // What rounds to nothing locks nothing.
  CHECK(mlock(shared, (size_t)-1) == 0);
  // MADV_DONTNEED_LOCKED (Linux 5.18).
  char *locked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, anonymous, -1, 0);
  NEED(locked != MAP_FAILED && mlock(locked, 4096) == 0);
  *locked = 1;
  CHECK_ERRNO(madvise(locked, 4096, MADV_DONTNEED), EINVAL);
  CHECK(madvise(locked, 4096, 24) == 0 && *locked == 0);
  return finish();
}
