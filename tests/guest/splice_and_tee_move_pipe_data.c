// splice(2), tee(2), sendfile(2), copy_file_range(2).
#include "check.h"

#include <sys/sendfile.h>

int main(void) {
  int a[2], b[2];
  NEED(pipe(a) == 0 && pipe(b) == 0);
  char text[32] = "";
  NEED(write(a[1], "0123456789", 10) == 10);
  CHECK(tee(a[0], b[1], 4, 0) == 4);
  CHECK(read(b[0], text, 32) == 4 && memcmp(text, "0123", 4) == 0);
  CHECK(splice(a[0], NULL, b[1], NULL, 6, 0) == 6);
  CHECK(read(b[0], text, 32) == 6 && memcmp(text, "012345", 6) == 0);
  int file = open("file", O_RDWR | O_CREAT, 0600);
  CHECK(splice(a[0], NULL, file, NULL, 100, 0) == 4);
  CHECK(pread(file, text, 32, 0) == 4 && memcmp(text, "6789", 4) == 0);
  off_t offset = 1;
  CHECK(sendfile(a[1], file, &offset, 2) == 2 && offset == 3);
  CHECK(read(a[0], text, 32) == 2 && memcmp(text, "78", 2) == 0);
  int copy = open("copy", O_RDWR | O_CREAT, 0600);
  off_t in = 0, out = 3;
  CHECK(copy_file_range(file, &in, copy, &out, 4, 0) == 4 && in == 4 && out == 7);
  CHECK(pread(copy, text, 32, 0) == 7 && memcmp(text,
                                                "\0\0\0"
                                                "6789",
                                                7) == 0);
  CHECK_ERRNO(splice(file, NULL, copy, NULL, 1, 0), EINVAL);
  CHECK_ERRNO(tee(a[0], file, 1, 0), EINVAL);
  return finish();
}
