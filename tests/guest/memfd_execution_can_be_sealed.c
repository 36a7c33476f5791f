// memfd_create(2), MFD_NOEXEC_SEAL and F_SEAL_EXEC (since Linux 6.3): the execute bits can't be
// changed any more; of an executable file the contents can't either. vhangup(2) of who has no
// terminal does nothing.
#include "check.h"

enum { no_exec_seal = 8, exec = 16, seal_exec = 0x20 };

static unsigned mode_of(int file) {
  struct stat status;
  NEED(fstat(file, &status) == 0);
  return status.st_mode & 07777;
}

int main(void) {
  int file = memfd_create("sealed", no_exec_seal);
  CHECK(file >= 0 && mode_of(file) == 0666 && fcntl(file, F_GET_SEALS) == seal_exec);
  CHECK_ERRNO(fchmod(file, 0777), EPERM);
  CHECK(fchmod(file, 0600) == 0 && write(file, "x", 1) == 1);
  CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_GROW) == 0);
  CHECK_ERRNO(memfd_create("both", no_exec_seal | exec), EINVAL);
  file = memfd_create("executable", MFD_ALLOW_SEALING | exec);
  CHECK(file >= 0 && mode_of(file) == 0777 && fcntl(file, F_GET_SEALS) == 0);
  CHECK(fcntl(file, F_ADD_SEALS, seal_exec) == 0);
  CHECK(fcntl(file, F_GET_SEALS) ==
        (seal_exec | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE));
  CHECK_ERRNO(write(file, "x", 1), EPERM);
  CHECK_ERRNO(fchmod(file, 0666), EPERM);
  int other = memfd_create("other", 0), more = memfd_create("more", 0);
  NEED(write(other, "text", 4) == 4 && lseek(other, 0, SEEK_SET) == 0);
  CHECK(copy_file_range(other, NULL, more, NULL, 4, 0) == 4);
  IN_CHILD({
    NEED(setsid() >= 0);
    CHECK(vhangup() == 0);
    NEED(setresuid(65534, 65534, 65534) == 0);
    CHECK_ERRNO(vhangup(), EPERM);
  });
  return finish();
}
