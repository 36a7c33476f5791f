// mount(2), umount(2): MS_NOSYMFOLLOW makes following a link ELOOP; statfs(2) shows a mount's
// flags; what is in use is EBUSY; propagation is of one kind.
#include "namespaces.h"

#include <sys/statfs.h>
#include <sys/statvfs.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

static unsigned long flags_of(const char *path) {
  struct statfs status;
  NEED(statfs(path, &status) == 0);
  return (unsigned long)status.f_flags;
}

int main(void) {
  char text[16];
  struct stat status;
  NEED(unshare(CLONE_NEWNS) == 0 && mkdir("tree", 0755) == 0);
  NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  CHECK_ERRNO(mount(NULL, "/", NULL, MS_SHARED | MS_PRIVATE, NULL), EINVAL);
  CHECK_ERRNO(mount("none", "tree", NULL, 0, NULL), EINVAL);
  NEED(mount("none", "tree", "tmpfs", MS_NOSYMFOLLOW | MS_NOEXEC, NULL) == 0);
  CHECK((flags_of("tree") & (0x2020 | ST_NOEXEC | ST_NOSUID | ST_RDONLY)) == (0x2020 | ST_NOEXEC));
  NEED(symlink("/", "tree/link") == 0 && symlink("tree/link", "outside") == 0);
  CHECK_ERRNO(stat("tree/link", &status), ELOOP);
  CHECK_ERRNO(open("tree/link/tmp", O_RDONLY), ELOOP);
  CHECK_ERRNO(open("outside", O_RDONLY), ELOOP);
  CHECK(lstat("tree/link", &status) == 0 && readlink("tree/link", text, sizeof text) == 1);
  CHECK(strstr(read_text("/proc/self/mounts"), "nosymfollow") != NULL);
  int file = open("tree/file", O_RDWR | O_CREAT, 0600);
  CHECK_ERRNO(umount("tree"), EBUSY);
  void *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
  NEED(memory != MAP_FAILED && close(file) == 0);
  CHECK_ERRNO(umount("tree"), EBUSY);
  NEED(munmap(memory, 4096) == 0);
  char place[4096];
  NEED(getcwd(place, sizeof place) != NULL && chdir("tree") == 0);
  strcat(place, "/tree");
  CHECK_ERRNO(umount(place), EBUSY);
  NEED(chdir("..") == 0);
  CHECK(umount("tree") == 0);
  CHECK_ERRNO(umount("tree"), EINVAL);
  return finish();
}
