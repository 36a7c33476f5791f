// mknod(2): a device's node needs CAP_MKNOD: EPERM; it is what its number says wherever it lies,
// but for mounts with nodev: EACCES. fchmodat2(2) changes no mode of a symbolic link: EOPNOTSUPP.
#include "namespaces.h"

#include <sys/sysmacros.h>

enum { fchmodat2_number = 452 };

int main(void) {
  struct stat status;
  char byte = 'x';
  NEED(unshare(CLONE_NEWNS) == 0);
  umask(0);
  CHECK(mknod("null", S_IFCHR | 0640, makedev(1, 3)) == 0);
  CHECK(stat("null", &status) == 0 && status.st_mode == (S_IFCHR | 0640) &&
        status.st_rdev == makedev(1, 3));
  CHECK_ERRNO(mknod("null", S_IFCHR | 0640, makedev(1, 3)), EEXIST);
  int file = open("null", O_RDWR);
  CHECK(file >= 0 && read(file, &byte, 1) == 0 && write(file, &byte, 1) == 1);
  CHECK(mknod("zero", S_IFCHR | 0600, makedev(1, 5)) == 0);
  file = open("zero", O_RDWR);
  CHECK(file >= 0 && read(file, &byte, 1) == 1 && byte == 0);
  CHECK(mknod("block", S_IFBLK | 0600, makedev(99, 1)) == 0);
  CHECK(stat("block", &status) == 0 && S_ISBLK(status.st_mode));
  CHECK_ERRNO(open("block", O_RDONLY), ENXIO);
  NEED(mkdir("tree", 0755) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  NEED(mount("none", "tree", "tmpfs", MS_NODEV, NULL) == 0);
  CHECK(mknod("tree/null", S_IFCHR | 0600, makedev(1, 3)) == 0);
  CHECK_ERRNO(open("tree/null", O_RDWR), EACCES);
  IN_CHILD({
    NEED(setresuid(65534, 65534, 65534) == 0);
    CHECK_ERRNO(mknod("/tmp/null_of_nobody", S_IFCHR | 0600, makedev(1, 3)), EPERM);
  });
  NEED(symlink("null", "link") == 0);
  CHECK(syscall(fchmodat2_number, AT_FDCWD, "link", 0600, 0) == 0);
  CHECK(stat("null", &status) == 0 && (status.st_mode & 07777) == 0600);
  CHECK_ERRNO(syscall(fchmodat2_number, AT_FDCWD, "link", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
  CHECK_ERRNO(syscall(fchmodat2_number, AT_FDCWD, "link", 0600, 1), EINVAL);
  CHECK(syscall(fchmodat2_number, file, "", 0640, AT_EMPTY_PATH) == 0);
  return finish();
}
