// proc(5): "Permission to access this file is governed by a ptrace access mode
// PTRACE_MODE_READ_FSCREDS check" of maps, smaps, exe, cwd, root, ns/*, …; ptrace(2), "Ptrace
// access mode checking". kcmp(2), get_robust_list(2): "EPERM".
#include "check.h"
#include <linux/kcmp.h>

static char parent_file[64];
static const char *of_parent(const char *name) {
  snprintf(parent_file, sizeof parent_file, "/proc/%d/%s", getppid(), name);
  return parent_file;
}

static int can_read(const char *name) {
  char byte;
  int fd = open(of_parent(name), O_RDONLY);
  if (fd < 0)
    return 0;
  int error = read(fd, &byte, 1) < 0 ? errno : 0;
  close(fd);
  errno = error;
  return error == 0;
}

static void from_outside(void) {
  NEED(setresgid(1234, 1234, 1234) == 0 && setresuid(1234, 1234, 1234) == 0);
  static const char *closed[] = {"maps", "smaps",   "smaps_rollup", "environ", "auxv",
                                 "mem",  "pagemap", "io",           "syscall"};
  static const char *links[] = {"exe", "cwd", "root", "ns/uts", "ns/pid"};
  static const char *open_to_all[] = {"stat", "status", "statm",  "cmdline",
                                      "comm", "limits", "cgroup", "oom_score_adj"};
  char target[256];
  for (unsigned i = 0; i < sizeof closed / sizeof *closed; ++i)
    CHECK_THAT(!can_read(closed[i]) && errno == EACCES, closed[i]);
  for (unsigned i = 0; i < sizeof links / sizeof *links; ++i)
    CHECK_THAT(readlink(of_parent(links[i]), target, sizeof target) == -1 && errno == EACCES,
               links[i]);
  for (unsigned i = 0; i < sizeof open_to_all / sizeof *open_to_all; ++i)
    CHECK_THAT(can_read(open_to_all[i]), open_to_all[i]);
  CHECK_ERRNO(open(of_parent("fd"), O_RDONLY), EACCES);
  CHECK_ERRNO(open(of_parent("cwd/."), O_RDONLY), EACCES);
  CHECK_ERRNO(syscall(SYS_kcmp, getpid(), getppid(), KCMP_VM, 0, 0), EPERM);
  void *head;
  size_t size;
  CHECK_ERRNO(syscall(SYS_get_robust_list, getppid(), &head, &size), EPERM);
  CHECK(syscall(SYS_get_robust_list, 0, &head, &size) == 0);
}

int main(void) {
  IN_CHILD(from_outside());
  // The owner may.
  IN_CHILD(CHECK(can_read("maps") && can_read("environ") &&
                 readlink(of_parent("exe"), (char[256]){0}, 255) > 0));
  return finish();
}
