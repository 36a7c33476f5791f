// mmap(2): MAP_SHARED: updates "are carried through to the underlying file", and seen by read(2),
// by other mappings and by other processes.
#include "check.h"

int main(void) {
  int file = open("file", O_RDWR | O_CREAT, 0600);
  NEED(file >= 0 && ftruncate(file, 2 * 4096) == 0);
  char *memory = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  char *other = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 4096);
  NEED(memory != MAP_FAILED && other != MAP_FAILED);
  strcpy(memory + 4096, "mapped");
  char text[16] = "";
  CHECK(pread(file, text, 6, 4096) == 6 && strcmp(text, "mapped") == 0);
  CHECK(strcmp(other, "mapped") == 0);
  NEED(pwrite(file, "written", 8, 4096) == 8);
  CHECK(strcmp(memory + 4096, "written") == 0);
  IN_CHILD({
    strcpy(memory, "from the child");
    CHECK(msync(memory, 4096, MS_SYNC) == 0);
  });
  CHECK(strcmp(memory, "from the child") == 0);
  CHECK(close(file) == 0);
  file = open("file", O_RDONLY);
  CHECK(read(file, text, 14) == 14 && memcmp(text, "from the child", 14) == 0);
  CHECK_ERRNO(msync(memory + 1, 4096, MS_SYNC), EINVAL);
  CHECK_ERRNO(msync(memory, 4096, MS_SYNC | MS_ASYNC), EINVAL);
  CHECK(munmap(memory, 2 * 4096) == 0);
  CHECK_ERRNO(msync(memory, 4096, MS_SYNC), ENOMEM);
  return finish();
}
