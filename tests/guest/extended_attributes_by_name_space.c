// xattr(7): "user … file permission bits … regular files and directories"; "trusted … processes
// that have the CAP_SYS_ADMIN capability", "not visible" to others; "security … all processes have
// read access …, and write access is limited to processes that have the CAP_SYS_ADMIN capability".
// setxattr(2), getxattr(2), listxattr(2).
#include "check.h"
#include <sys/xattr.h>

static char value[64], names[512], large[65537];
static void *volatile nowhere;

static int is_listed(const char *path, const char *name) {
  ssize_t length = llistxattr(path, names, sizeof names);
  for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1)
    if (strcmp(names + at, name) == 0)
      return 1;
  return 0;
}

static void by_root(void) {
  static const char *spaces[] = {"user.tine", "trusted.tine", "security.tine"};
  for (int i = 0; i < 3; ++i) {
    CHECK_ERRNO(getxattr("file", spaces[i], value, sizeof value), ENODATA);
    CHECK_ERRNO(setxattr("file", spaces[i], "v", 1, XATTR_REPLACE), ENODATA);
    CHECK(setxattr("file", spaces[i], "value", 5, XATTR_CREATE) == 0);
    CHECK_ERRNO(setxattr("file", spaces[i], "v", 1, XATTR_CREATE), EEXIST);
    CHECK(getxattr("file", spaces[i], value, sizeof value) == 5 && memcmp(value, "value", 5) == 0);
    CHECK(getxattr("file", spaces[i], NULL, 0) == 5);
    CHECK_ERRNO(getxattr("file", spaces[i], value, 4), ERANGE);
    CHECK(is_listed("file", spaces[i]));
  }
  CHECK_ERRNO(setxattr("file", "tine", "v", 1, 0), EOPNOTSUPP);
  CHECK_ERRNO(setxattr("file", "other.tine", "v", 1, 0), EOPNOTSUPP);
  CHECK_ERRNO(setxattr("file", "user.tine", "v", 1, 3), EEXIST);
  CHECK_ERRNO(setxattr("file", "user.tine", "v", 1, 4), EINVAL);
  CHECK_ERRNO(setxattr("file", "", "v", 1, 0), ERANGE);
  CHECK_ERRNO(setxattr("file", "user.tine", large, sizeof large, 0), E2BIG);
  CHECK_ERRNO(setxattr("file", "user.tine", nowhere, 1, 0), EFAULT);
  // Of a link: no user attributes, but trusted ones.
  CHECK_ERRNO(lsetxattr("link", "user.tine", "v", 1, 0), EPERM);
  CHECK_ERRNO(lgetxattr("link", "user.tine", value, sizeof value), ENODATA);
  CHECK(lsetxattr("link", "trusted.tine", "v", 1, 0) == 0 && is_listed("link", "trusted.tine"));
  CHECK_ERRNO(getxattr("fifo", "user.tine", value, sizeof value), ENODATA);
  CHECK_ERRNO(setxattr("fifo", "user.tine", "v", 1, 0), EPERM);
  CHECK(lremovexattr("link", "trusted.tine") == 0);
  CHECK_ERRNO(lremovexattr("link", "trusted.tine"), ENODATA);
}

static void by_another(void) {
  NEED(setresuid(1234, 1234, 1234) == 0);
  CHECK(getxattr("file", "user.tine", value, sizeof value) == 5);
  CHECK_ERRNO(setxattr("file", "user.tine", "v", 1, 0), EACCES);
  CHECK_ERRNO(removexattr("file", "user.tine"), EACCES);
  CHECK_ERRNO(getxattr("file", "trusted.tine", value, sizeof value), ENODATA);
  CHECK_ERRNO(setxattr("file", "trusted.tine", "v", 1, 0), EPERM);
  CHECK_ERRNO(removexattr("file", "trusted.tine"), EPERM);
  CHECK(!is_listed("file", "trusted.tine"));
  CHECK(is_listed("file", "security.tine") && is_listed("file", "user.tine"));
  CHECK(getxattr("file", "security.tine", value, sizeof value) == 5);
  CHECK_ERRNO(setxattr("file", "security.tine", "v", 1, 0), EPERM);
  CHECK_ERRNO(getxattr("hidden", "user.tine", value, sizeof value), EACCES);
  CHECK(getxattr("hidden", "security.tine", value, sizeof value) == 1);
  CHECK(setxattr("open", "user.tine", "v", 1, 0) == 0);
  CHECK_ERRNO(setxattr("sticky", "user.tine", "v", 1, 0), EPERM);
}

int main(void) {
  umask(0);
  NEED(close(open("file", O_CREAT | O_WRONLY, 0644)) == 0);
  NEED(close(open("open", O_CREAT | O_WRONLY, 0666)) == 0);
  NEED(close(open("hidden", O_CREAT | O_WRONLY, 0600)) == 0);
  NEED(symlink("file", "link") == 0 && mkfifo("fifo", 0666) == 0);
  NEED(mkdir("sticky", 0777) == 0 && chmod("sticky", 01777) == 0 && chmod(".", 0755) == 0);
  NEED(setxattr("hidden", "user.tine", "v", 1, 0) == 0 &&
       setxattr("hidden", "security.tine", "v", 1, 0) == 0);
  by_root();
  IN_CHILD(by_another());
  for (int i = 0; i < 2; ++i)
    CHECK(removexattr("file", i ? "user.tine" : "security.tine") == 0);
  return finish();
}
