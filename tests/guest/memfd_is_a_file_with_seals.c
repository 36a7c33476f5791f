// memfd_create(2), fcntl(2) file sealing.
#include "check.h"

int main(void) {
  int file = memfd_create("name", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  NEED(file >= 0);
  CHECK(fcntl(file, F_GETFD) == FD_CLOEXEC);
  CHECK(ftruncate(file, 8192) == 0);
  char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  NEED(memory != MAP_FAILED);
  IN_CHILD({ strcpy(memory + 4096, "child"); });
  char text[8] = "", link[64] = "", path[32];
  CHECK(pread(file, text, 6, 4096) == 6 && strcmp(text, "child") == 0);
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  CHECK(readlink(path, link, sizeof link - 1) > 0 && strcmp(link, "/memfd:name (deleted)") == 0);
  CHECK(fcntl(file, F_GET_SEALS) == 0);
  CHECK_ERRNO(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
  CHECK(munmap(memory, 8192) == 0);
  CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0);
  CHECK_ERRNO(write(file, "x", 1), EPERM);
  CHECK_ERRNO(ftruncate(file, 0), EPERM);
  CHECK_ERRNO(ftruncate(file, 16384), EPERM);
  CHECK_ERRNO(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), EPERM);
  CHECK(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0) != MAP_FAILED);
  CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_SEAL) == 0);
  CHECK_ERRNO(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
  int plain = memfd_create("plain", 0);
  CHECK_ERRNO(fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
  int future = memfd_create("future", MFD_ALLOW_SEALING);
  NEED(future >= 0 && ftruncate(future, 4096) == 0);
  char *before = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0);
  NEED(before != MAP_FAILED);
  CHECK(fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
  CHECK((before[0] = 'x') == 'x');
  CHECK_ERRNO(write(future, "y", 1), EPERM);
  CHECK_ERRNO(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0), EPERM);
  char *after = mmap(NULL, 4096, PROT_READ, MAP_SHARED, future, 0);
  CHECK(after != MAP_FAILED && after[0] == 'x');
  CHECK_ERRNO(mprotect(after, 4096, PROT_READ | PROT_WRITE), EACCES);
  CHECK_ERRNO(fcntl(future, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
  CHECK(mprotect(before, 4096, PROT_READ) == 0);
  CHECK_ERRNO(fcntl(future, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
  CHECK(munmap(before, 4096) == 0);
  CHECK(fcntl(future, F_ADD_SEALS, F_SEAL_WRITE) == 0);
  return finish();
}
