// inode(7), S_ISGID: a file made in a set-group-ID directory gets its group; but whoever isn't in
// that group makes no program that runs with it (since Linux 6.0: also with O_TMPFILE and mknod).
#include "check.h"

static unsigned mode_of(const char *path, gid_t group) {
  struct stat status;
  NEED(stat(path, &status) == 0);
  return status.st_gid == group ? (unsigned)status.st_mode : 0;
}

int main(void) {
  umask(0);
  NEED(mkdir("directory", 0777) == 0 && chown("directory", 0, 5) == 0 &&
       chmod("directory", 02777) == 0 && chmod(".", 0755) == 0);
  NEED(close(open("directory/plain", O_CREAT | O_RDWR, 0666)) == 0);
  NEED(close(open("directory/own", O_CREAT | O_RDWR, 02770)) == 0);
  CHECK(mode_of("directory/own", 5) == (S_IFREG | 02770));
  IN_CHILD({
    NEED(chdir("directory") == 0 && setresgid(7, 7, 7) == 0 && setresuid(7, 7, 7) == 0);
    NEED(close(open("file", O_CREAT | O_RDWR, 02770)) == 0);
    CHECK(mode_of("file", 5) == (S_IFREG | 0770));
    NEED(close(open("data", O_CREAT | O_RDWR, 02660)) == 0);
    CHECK(mode_of("data", 5) == (S_IFREG | 02660));
    NEED(mknod("fifo", S_IFIFO | 02770, 0) == 0);
    CHECK(mode_of("fifo", 5) == (S_IFIFO | 0770));
    NEED(mkdir("below", 0770) == 0);
    CHECK(mode_of("below", 5) == (S_IFDIR | 02770));
    CHECK(chmod("file", 02770) == 0 && mode_of("file", 5) == (S_IFREG | 0770));
    CHECK(chown("plain", -1, -1) == 0);
    CHECK_ERRNO(chown("plain", 7, -1), EPERM);
  });
  return finish();
}
