// open(2), mkdir(2), rename(2), link(2), unlink(2), symlink(2), getdents(2), ERRORS.
#include "check.h"

#include <linux/openat2.h>

#include <dirent.h>

static int entries(const char *path) {
  DIR *directory = opendir(path);
  if (!directory)
    return -1;
  int count = 0;
  for (struct dirent *entry; (entry = readdir(directory));)
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  closedir(directory);
  return count;
}
static void make(const char *name, const char *text) {
  int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  NEED(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
}
int main(void) {
  struct stat state;
  char text[64] = "";
  CHECK(mkdir("d", 0755) == 0 && mkdir("d/e", 0700) == 0);
  CHECK_ERRNO(mkdir("d", 0755), EEXIST);
  CHECK_ERRNO(mkdir("x/y", 0755), ENOENT);
  CHECK_ERRNO(rmdir("d"), ENOTEMPTY);
  CHECK_ERRNO(unlink("d"), EISDIR);
  make("d/a", "A");
  make("b", "B");
  CHECK(entries("d") == 2);
  CHECK(stat("d", &state) == 0 && state.st_nlink == 3 && S_ISDIR(state.st_mode));
  CHECK_ERRNO(rmdir("d/a"), ENOTDIR);
  CHECK_ERRNO(open("d/a/x", O_RDONLY), ENOTDIR);
  CHECK_ERRNO(open("d", O_WRONLY), EISDIR);
  CHECK_ERRNO(open("d/a", O_DIRECTORY), ENOTDIR);
  CHECK(link("d/a", "c") == 0 && stat("c", &state) == 0 && state.st_nlink == 2);
  CHECK_ERRNO(link("d", "hard"), EPERM);
  CHECK(rename("b", "c") == 0 && entries(".") == 2);
  CHECK(stat("d/a", &state) == 0 && state.st_nlink == 1);
  CHECK_ERRNO(rename("d", "d/e/f"), EINVAL);
  CHECK_ERRNO(rename("c", "d"), EISDIR);
  CHECK_ERRNO(rename("d", "c"), ENOTDIR);
  CHECK_ERRNO(renameat2(AT_FDCWD, "c", AT_FDCWD, "d/a", RENAME_NOREPLACE), EEXIST);
  CHECK(renameat2(AT_FDCWD, "c", AT_FDCWD, "d/a", RENAME_EXCHANGE) == 0);
  int file = open("c", O_RDONLY);
  CHECK(read(file, text, 8) == 1 && text[0] == 'A');
  CHECK(unlink("c") == 0 && pread(file, text, 8, 0) == 1);
  CHECK(fstat(file, &state) == 0 && state.st_nlink == 0);
  CHECK_ERRNO(stat("c", &state), ENOENT);
  CHECK(symlink("d/a", "s") == 0 && readlink("s", text, sizeof text) == 3 &&
        lstat("s", &state) == 0 && S_ISLNK(state.st_mode) && state.st_size == 3);
  CHECK_ERRNO(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
  CHECK_ERRNO(readlink("d", text, sizeof text), EINVAL);
  CHECK(symlink("nowhere", "dangling") == 0);
  CHECK_ERRNO(open("dangling", O_RDONLY), ENOENT);
  CHECK(open("dangling", O_WRONLY | O_CREAT, 0600) >= 0 && stat("nowhere", &state) == 0);
  CHECK(symlink("loop", "loop") == 0);
  CHECK_ERRNO(stat("loop", &state), ELOOP);
  static char name[300];
  memset(name, 'n', 256);
  CHECK_ERRNO(open(name, O_RDONLY), ENAMETOOLONG);
  CHECK_ERRNO(open("", O_RDONLY), ENOENT);
  int directory = open("d", O_RDONLY | O_DIRECTORY);
  CHECK(openat(directory, "a", O_RDONLY) >= 0 && unlinkat(directory, "e", AT_REMOVEDIR) == 0);
  CHECK(fchdir(directory) == 0 && entries(".") == 1 && chdir("..") == 0);
  int unnamed = open(".", O_TMPFILE | O_RDWR, 0600);
  CHECK(unnamed >= 0 && write(unnamed, "t", 1) == 1);
  CHECK_THAT((fcntl(unnamed, F_GETFL) & O_TMPFILE) == O_TMPFILE, "F_GETFL tells of O_TMPFILE");
  // openat2(2), EINVAL: O_PATH with other flags; a mode for what makes no file.
  struct open_how how = {.flags = O_PATH | O_RDWR};
  CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how), EINVAL);
  how.flags = O_PATH | O_LARGEFILE;
  CHECK(O_LARGEFILE == 0 || syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how) == -1);
  how = (struct open_how){.flags = O_DIRECTORY, .mode = 0600};
  CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how), EINVAL);
  static char link[64], target[4096], here[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", unnamed);
  const ssize_t length = readlink(link, target, sizeof target - 1);
  CHECK_THAT(getcwd(here, sizeof here) && strncmp(target, here, strlen(here)) == 0,
             "a file without a name is in its directory");
  CHECK(length > 10 && strcmp(target + length - 10, " (deleted)") == 0);
  CHECK(linkat(AT_FDCWD, link, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0 &&
        stat("named", &state) == 0 && state.st_size == 1);
  // getcwd(2): "prefixed with the string (unreachable)"; the library says ENOENT.
  IN_CHILD({
    NEED(mkdir("root", 0755) == 0 && chroot("root") == 0);
    CHECK(syscall(SYS_getcwd, here, sizeof here) > 0 && strncmp(here, "(unreachable)/", 14) == 0);
    CHECK(chdir("/") == 0 && syscall(SYS_getcwd, here, sizeof here) == 2 && here[0] == '/');
  });
  return finish();
}
