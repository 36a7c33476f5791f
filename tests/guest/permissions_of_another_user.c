// path_resolution(7), access(2), chmod(2), chown(2): what a user without capabilities may do.
#include "check.h"

int main(void) {
  struct stat state;
  NEED(mkdir("open", 0755) == 0 && mkdir("closed", 0700) == 0);
  NEED(close(open("open/secret", O_CREAT | O_WRONLY, 0600)) == 0);
  NEED(close(open("open/readable", O_CREAT | O_WRONLY, 0644)) == 0);
  NEED(close(open("closed/inside", O_CREAT | O_WRONLY, 0644)) == 0);
  NEED(mkdir("sticky", 01777) == 0 && chmod("sticky", 01777) == 0);
  NEED(close(open("sticky/roots", O_CREAT | O_WRONLY, 0666)) == 0);
  CHECK(chown("open/readable", 5, 6) == 0 && stat("open/readable", &state) == 0 &&
        state.st_uid == 5 && state.st_gid == 6);
  CHECK(access("open/readable", X_OK) == -1 && errno == EACCES);
  NEED(chmod(".", 0755) == 0);
  IN_CHILD({
    NEED(setgid(4321) == 0 && setuid(4321) == 0);
    CHECK_ERRNO(open("open/secret", O_RDONLY), EACCES);
    CHECK(open("open/readable", O_RDONLY) >= 0);
    CHECK_ERRNO(open("open/readable", O_WRONLY), EACCES);
    CHECK_ERRNO(open("closed/inside", O_RDONLY), EACCES);
    CHECK_ERRNO(open("open/new", O_CREAT | O_WRONLY, 0600), EACCES);
    CHECK_ERRNO(unlink("open/readable"), EACCES);
    CHECK_ERRNO(chmod("open/readable", 0777), EPERM);
    CHECK_ERRNO(chown("open/readable", 4321, 4321), EPERM);
    CHECK_ERRNO(access("open/secret", R_OK), EACCES);
    CHECK_ERRNO(unlink("sticky/roots"), EPERM);
    CHECK(close(open("sticky/mine", O_CREAT | O_WRONLY, 0666)) == 0 &&
          stat("sticky/mine", &state) == 0 && state.st_uid == 4321);
    CHECK(unlink("sticky/mine") == 0);
    CHECK_ERRNO(setuid(0), EPERM);
    CHECK_ERRNO(setpriority(PRIO_PROCESS, 0, -5), EACCES);
    CHECK_ERRNO(chroot("/"), EPERM);
    CHECK_ERRNO(sethostname("x", 1), EPERM);
  });
  umask(027);
  NEED(close(open("masked", O_CREAT | O_WRONLY, 0666)) == 0);
  CHECK(stat("masked", &state) == 0 && (state.st_mode & 07777) == 0640);
  return finish();
}
