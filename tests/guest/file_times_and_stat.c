// utimensat(2), stat(2), statx(2): times are set and moved by writes; blocks, device and inode
// agree.
#include "check.h"

int main(void) {
  struct stat a, b;
  int file = open("file", O_RDWR | O_CREAT, 0644);
  NEED(file >= 0);
  struct timespec times[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
  CHECK(futimens(file, times) == 0 && fstat(file, &a) == 0);
  CHECK(a.st_atim.tv_sec == 1000000000 && a.st_atim.tv_nsec == 123456789);
  CHECK(a.st_mtim.tv_sec == 1100000000 && a.st_mtim.tv_nsec == 987654321);
  CHECK(write(file, "x", 1) == 1 && fstat(file, &b) == 0 && b.st_mtim.tv_sec > 1600000000);
  times[0].tv_nsec = UTIME_OMIT;
  CHECK(utimensat(AT_FDCWD, "file", times, 0) == 0 && stat("file", &b) == 0 &&
        b.st_atim.tv_sec == 1000000000);
  CHECK(a.st_ino == b.st_ino && a.st_dev == b.st_dev && b.st_nlink == 1 && b.st_blksize > 0);
  struct statx extended;
  CHECK(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &extended) == 0 &&
        extended.stx_ino == b.st_ino && extended.stx_size == 1 && (extended.stx_mask & STATX_SIZE));
  CHECK(statx(file, "", AT_EMPTY_PATH, STATX_ALL, &extended) == 0 && extended.stx_size == 1);
  CHECK_ERRNO(stat("nothing", &a), ENOENT);
  CHECK_ERRNO(fstat(99, &a), EBADF);
  times[0].tv_nsec = 2000000000;
  CHECK_ERRNO(futimens(file, times), EINVAL);
  CHECK(stat("/dev/null", &a) == 0 && S_ISCHR(a.st_mode) && a.st_rdev == 0x103);
  return finish();
}
