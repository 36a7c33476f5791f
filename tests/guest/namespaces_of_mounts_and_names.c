// mount_namespaces(7), uts_namespaces(7), pivot_root(2), setns(2), umount2(2) MNT_DETACH: what a
// new namespace separates, and what it doesn't. Needs root; without it the calls are EPERM.
#include "check.h"

#include <sys/mount.h>
#include <sys/utsname.h>

static ino_t number_of(const char *path) {
  struct stat status;
  NEED(stat(path, &status) == 0);
  return status.st_ino;
}

static int exists(const char *path) {
  return access(path, F_OK) == 0;
}

static void make_file(const char *path) {
  int file = open(path, O_CREAT | O_WRONLY, 0644);
  NEED(file >= 0);
  close(file);
}

static void mounts(const char *folder) {
  char path[256], file[300], below[300];
  snprintf(path, sizeof path, "%s/mounted", folder);
  snprintf(file, sizeof file, "%s/inside", path);
  NEED(mkdir(path, 0755) == 0);
  int outer = open("/proc/self/ns/mnt", O_RDONLY);
  NEED(outer >= 0);
  ino_t before = number_of("/proc/self/ns/mnt");
  CHECK(unshare(CLONE_NEWNS) == 0);
  CHECK(number_of("/proc/self/ns/mnt") != before);
  CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  CHECK(mount("tmpfs", path, "tmpfs", 0, NULL) == 0);
  make_file(file);
  // A child of fork shares it; the namespace that we come from doesn't see the mount.
  IN_CHILD(CHECK(exists(file)); CHECK(number_of("/proc/self/ns/mnt") != before));
  IN_CHILD({
    CHECK_ERRNO(setns(outer, CLONE_NEWUTS), EINVAL);
    CHECK(setns(outer, CLONE_NEWNS) == 0);
    CHECK(number_of("/proc/self/ns/mnt") == before);
    CHECK(!exists(file) && exists(path));
  });
  CHECK(exists(file));
  // clone(2) with CLONE_NEWNS: an umount in the child doesn't reach us.
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
  NEED(child >= 0);
  if (child == 0) {
    CHECK(exists(file) && umount2(path, 0) == 0 && !exists(file));
    _exit(check_failures);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(exists(file));

  // A lazy umount takes what is mounted below, and open directories go on.
  snprintf(below, sizeof below, "%s/below", path);
  NEED(mkdir(below, 0755) == 0);
  CHECK(mount("tmpfs", below, "tmpfs", 0, NULL) == 0);
  CHECK_ERRNO(umount2(path, 0), EBUSY);
  int directory = open(path, O_RDONLY | O_DIRECTORY);
  CHECK(umount2(path, MNT_DETACH) == 0);
  CHECK(!exists(file) && faccessat(directory, "inside", F_OK, 0) == 0);
  CHECK_ERRNO(umount2(path, MNT_DETACH), EINVAL);
  close(directory);
}

/// As container runtimes do it: a bind of the new root, pivot_root(".", "."), and the old one off.
static void pivots(const char *folder) {
  char root[256], path[300];
  snprintf(root, sizeof root, "%s/root", folder);
  NEED(mkdir(root, 0755) == 0);
  CHECK(unshare(CLONE_NEWNS) == 0);
  NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  CHECK(syscall(SYS_pivot_root, root, root) == -1); // no mount point
  CHECK(mount(root, root, NULL, MS_BIND | MS_REC, NULL) == 0);
  snprintf(path, sizeof path, "%s/here", root);
  make_file(path);
  snprintf(path, sizeof path, "%s/host", root);
  NEED(mkdir(path, 0755) == 0);
  CHECK(mount("/", path, NULL, MS_BIND | MS_REC, NULL) == 0);
  int old = open("/", O_RDONLY | O_DIRECTORY);
  CHECK_ERRNO(syscall(SYS_pivot_root, "/", "/"), EBUSY);
  CHECK(chdir(root) == 0 && syscall(SYS_pivot_root, ".", ".") == 0);
  CHECK(exists("/here") && exists("/host/proc/self/status"));
  CHECK(fchdir(old) == 0 && umount2(".", MNT_DETACH) == 0 && chdir("/") == 0);
  CHECK(exists("/here") && !exists("/proc/self/status"));
  char here[16];
  CHECK(getcwd(here, sizeof here) != NULL && strcmp(here, "/") == 0);
}

static void names(void) {
  struct utsname before, now;
  NEED(uname(&before) == 0);
  int outer = open("/proc/self/ns/uts", O_RDONLY);
  NEED(outer >= 0);
  CHECK(unshare(CLONE_NEWUTS) == 0);
  CHECK(uname(&now) == 0 && strcmp(now.nodename, before.nodename) == 0);
  CHECK(sethostname("another", 7) == 0);
  CHECK(uname(&now) == 0 && strcmp(now.nodename, "another") == 0);
  char text[64] = "";
  int file = open("/proc/sys/kernel/hostname", O_RDONLY);
  CHECK(file >= 0 && read(file, text, sizeof text - 1) == 8 && strcmp(text, "another\n") == 0);
  close(file);
  IN_CHILD(CHECK(uname(&now) == 0 && strcmp(now.nodename, "another") == 0));
  CHECK(setns(outer, CLONE_NEWUTS) == 0);
  CHECK(uname(&now) == 0 && strcmp(now.nodename, before.nodename) == 0);
}

int main(void) {
  char folder[] = "/tmp/tine-mounts-XXXXXX";
  NEED(mkdtemp(folder));
  CHECK_ERRNO(unshare(1), EINVAL);
  CHECK_ERRNO(setns(0, 0), EINVAL);
  IN_CHILD({
    if (geteuid() == 0)
      NEED(setresuid(99, 99, 99) == 0);
    CHECK_ERRNO(unshare(CLONE_NEWNS), EPERM);
    CHECK_ERRNO(unshare(CLONE_NEWUTS), EPERM);
    CHECK_ERRNO(syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0), EPERM);
  });
  if (geteuid() == 0) {
    IN_CHILD(names());
    IN_CHILD(mounts(folder));
    IN_CHILD(pivots(folder));
  }
  char path[256];
  for (int i = 0; i < 4; i++) {
    static const char *const left[] = {"mounted", "root/here", "root/host", "root"};
    snprintf(path, sizeof path, "%s/%s", folder, left[i]);
    if (i == 1)
      unlink(path);
    else
      rmdir(path);
  }
  CHECK(rmdir(folder) == 0);
  return finish();
}
