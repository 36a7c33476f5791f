// read(2), write(2), lseek(2), pread(2), readv(2), O_APPEND, O_TRUNC, SEEK_DATA and SEEK_HOLE.
#include "check.h"

#include <sys/uio.h>

int main(void) {
  volatile int minus_one = -1;
  char *volatile bad_address = (char *)8;
  int file = open("file", O_RDWR | O_CREAT | O_EXCL, 0640);
  NEED(file >= 0);
  CHECK_ERRNO(open("file", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);
  char text[32] = "";
  CHECK(write(file, "0123456789", 10) == 10 && lseek(file, 0, SEEK_CUR) == 10);
  CHECK(read(file, text, 5) == 0);
  CHECK(lseek(file, -3, SEEK_END) == 7 && read(file, text, 10) == 3);
  CHECK_ERRNO(lseek(file, -1, SEEK_SET), EINVAL);
  CHECK_ERRNO(lseek(file, 0, 99), EINVAL);
  CHECK(pwrite(file, "AB", 2, 4) == 2 && lseek(file, 0, SEEK_CUR) == 10);
  CHECK(pread(file, text, 4, 3) == 4 && memcmp(text, "3AB6", 4) == 0);
  CHECK_ERRNO(pread(file, text, 1, -1), EINVAL);
  int append = open("file", O_WRONLY | O_APPEND);
  CHECK(lseek(append, 0, SEEK_SET) == 0 && write(append, "xy", 2) == 2 &&
        lseek(append, 0, SEEK_CUR) == 12);
  // pwrite(2), BUGS: "if a file is opened with O_APPEND, on Linux, pwrite() appends".
  CHECK(pwrite(append, "z", 1, 0) == 1 && lseek(append, 0, SEEK_CUR) == 12);
  CHECK(pread(file, text, 2, 0) == 2 && memcmp(text, "01", 2) == 0);
  CHECK(lseek(file, 0, SEEK_END) == 13 && ftruncate(file, 12) == 0);
  struct iovec vector[3] = {{text, 2}, {text + 10, 0}, {text + 20, 3}};
  CHECK(lseek(file, 1, SEEK_SET) == 1 && readv(file, vector, 3) == 5);
  CHECK(memcmp(text, "12", 2) == 0 && memcmp(text + 20, "3AB", 3) == 0);
  CHECK_ERRNO(readv(file, vector, minus_one), EINVAL);
  CHECK(lseek(file, 100000, SEEK_SET) == 100000 && write(file, "end", 3) == 3);
  struct stat state;
  CHECK(fstat(file, &state) == 0 && state.st_size == 100003);
  CHECK(pread(file, text, 3, 50000) == 3 && text[0] == 0 && text[2] == 0);
  CHECK(lseek(file, 0, SEEK_DATA) == 0);
  CHECK(lseek(file, 0, SEEK_HOLE) >= 12);
  CHECK_ERRNO(lseek(file, 200000, SEEK_DATA), ENXIO);
  CHECK(ftruncate(file, 3) == 0 && fstat(file, &state) == 0 && state.st_size == 3);
  CHECK_ERRNO(ftruncate(file, -1), EINVAL);
  CHECK(open("file", O_WRONLY | O_TRUNC) >= 0 && fstat(file, &state) == 0 && state.st_size == 0);
  CHECK(write(file, "abc", 3) == 3);
  CHECK_ERRNO(pread(file, bad_address, 3, 0), EFAULT);
  CHECK(fallocate(file, 0, 0, 5000) == 0 || errno == EOPNOTSUPP);
  return finish();
}
