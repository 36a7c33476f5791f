// linux/pidfd.h, PIDFD_GET_INFO: ids without being asked, the exit status once it was waited for;
// PIDFD_GET_UTS_NAMESPACE; setns(2) with a pidfd: several namespaces at once, or none of them.
#include "check.h"

#include <sys/ioctl.h>

struct info {
  uint64_t mask, cgroup;
  uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;
};
#define GET_INFO _IOWR(0xff, 11, struct info)
#define GET_UTS_NAMESPACE _IO(0xff, 10)
enum { with_pid = 1, with_credentials = 2, with_exit = 8 };

int main(void) {
  CHECK(sizeof(struct info) == 64);
  struct bell go = new_bell(), ready = new_bell();
  pid_t child = fork();
  if (child == 0) {
    NEED(unshare(CLONE_NEWUTS | CLONE_NEWIPC) == 0 && sethostname("other", 5) == 0);
    NEED(setresgid(4, 5, 6) == 0 && setresuid(1, 2, 3) == 0);
    tell(ready);
    hear(go);
    _exit(9);
  }
  hear(ready);
  int fd = (int)syscall(SYS_pidfd_open, child, 0);
  struct info info = {.mask = with_exit};
  CHECK(ioctl(fd, GET_INFO, &info) == 0);
  CHECK((info.mask & (with_pid | with_credentials | with_exit)) == (with_pid | with_credentials));
  CHECK(info.pid == (uint32_t)child && info.tgid == info.pid && info.ppid == (uint32_t)getpid());
  CHECK(info.ruid == 1 && info.euid == 2 && info.suid == 3 && info.fsuid == 2);
  CHECK(info.rgid == 4 && info.egid == 5 && info.sgid == 6 && info.fsgid == 5);
  CHECK_ERRNO(ioctl(fd, GET_INFO, NULL), EINVAL);
  CHECK_ERRNO(ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, 56), &info), ENOTTY);
  CHECK_ERRNO(ioctl(0, GET_INFO, &info), ENOTTY);
  int space = ioctl(fd, GET_UTS_NAMESPACE, 0);
  CHECK(space >= 0);
  CHECK_ERRNO(ioctl(fd, GET_UTS_NAMESPACE, 1), EINVAL);
  char name[65];
  IN_CHILD(CHECK(setns(space, CLONE_NEWUTS) == 0 && gethostname(name, sizeof name) == 0 &&
                 strcmp(name, "other") == 0));
  IN_CHILD(CHECK(setns(fd, CLONE_NEWUTS | CLONE_NEWIPC) == 0 &&
                 gethostname(name, sizeof name) == 0 && strcmp(name, "other") == 0));
  // Its user namespace is the caller's own: nothing is joined.
  CHECK_ERRNO(setns(fd, CLONE_NEWUTS | CLONE_NEWUSER), EINVAL);
  CHECK(gethostname(name, sizeof name) == 0 && strcmp(name, "other") != 0);
  CHECK_ERRNO(setns(fd, 0), EINVAL);
  CHECK_ERRNO(setns(fd, CLONE_VM), EINVAL);
  IN_CHILD({
    NEED(setresuid(1234, 1234, 1234) == 0);
    CHECK_ERRNO(setns(fd, CLONE_NEWUTS), EPERM);
    CHECK_ERRNO(ioctl(fd, GET_UTS_NAMESPACE, 0), EACCES);
  });
  tell(go);
  siginfo_t waited;
  NEED(waitid(P_PID, (id_t)child, &waited, WEXITED | WNOWAIT) == 0);
  info = (struct info){.mask = with_exit};
  CHECK_THAT(ioctl(fd, GET_INFO, &info) == 0 && (info.mask & with_exit) == 0,
             "a zombie's status isn't told yet");
  CHECK_ERRNO(setns(fd, CLONE_NEWUTS), ESRCH);
  int status;
  NEED(waitpid(child, &status, 0) == child);
  info = (struct info){.mask = with_exit};
  CHECK(ioctl(fd, GET_INFO, &info) == 0 && (info.mask & with_exit) != 0 &&
        info.exit_code == status && WEXITSTATUS(status) == 9);
  info = (struct info){.mask = with_pid};
  CHECK_ERRNO(ioctl(fd, GET_INFO, &info), ESRCH);
  return finish();
}
