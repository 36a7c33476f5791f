// user_namespaces(7): ids, maps, setgroups and capabilities inside a new user namespace.
#include "namespaces.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#define NS_GET_USERNS 0xb701
#define NS_GET_PARENT 0xb702
#define NS_GET_NSTYPE 0xb703

static int capable(int capability) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  NEED(syscall(SYS_capget, &header, data) == 0);
  return data[capability / 32].effective >> (capability % 32) & 1;
}

static void without_a_map(void) {
  CHECK(unshare(CLONE_NEWUSER) == 0);
  CHECK_THAT(getuid() == 65534 && geteuid() == 65534 && getgid() == 65534,
             "an id without a mapping is the overflow id");
  CHECK_THAT(capable(CAP_SYS_ADMIN) && capable(CAP_SETUID), "all capabilities inside");
  CHECK(strcmp(read_text("/proc/self/uid_map"), "") == 0);
  CHECK(has_status("/proc/self/status", "Uid: 65534 65534 65534 65534"));
  CHECK_ERRNO(setuid(0), EINVAL); // not mapped
  CHECK_ERRNO(setgroups(0, NULL), EPERM);
  // The file's owner is shown as nobody: root isn't mapped.
  struct stat status;
  CHECK(stat("/etc/passwd", &status) == 0 && status.st_uid == 65534);
}

static void maps(uid_t outside) {
  char map[64];
  NEED(unshare(CLONE_NEWUSER) == 0);
  CHECK(write_text("/proc/self/uid_map", "0 0") == EINVAL);
  CHECK(write_text("/proc/self/uid_map", "0 0 0") == EINVAL);
  CHECK(write_text("/proc/self/uid_map", "x") == EINVAL);
  CHECK(write_text("/proc/self/uid_map", "0 0 1\n0 5 1\n") == EINVAL); // overlapping
  CHECK(write_text("/proc/self/uid_map", "0 12345 1") == EPERM);       // not one's own id
  CHECK(write_text("/proc/self/uid_map", "0 0 1\n1 1 1\n") == EPERM);  // not one id alone
  snprintf(map, sizeof map, "7 %u 1", outside);
  CHECK(write_text("/proc/self/uid_map", map) == 0);
  CHECK(write_text("/proc/self/uid_map", map) == EPERM); // once
  CHECK(getuid() == 7 && geteuid() == 7);
  snprintf(map, sizeof map, "7 %u 1", getgid() == 65534 ? outside : 0);
  // A group's map without privilege needs setgroups to be denied.
  CHECK(write_text("/proc/self/gid_map", "0 12345 1") == EPERM);
  CHECK(strcmp(read_text("/proc/self/setgroups"), "allow\n") == 0);
  CHECK(write_text("/proc/self/setgroups", "maybe") == EINVAL);
  CHECK(write_text("/proc/self/setgroups", "deny") == 0);
  CHECK(write_text("/proc/self/setgroups", "allow") == EPERM);
  CHECK(strcmp(read_text("/proc/self/setgroups"), "deny\n") == 0);
  CHECK(has_status("/proc/self/status", "Uid: 7 7 7 7"));
}

static void capabilities(void) {
  become_root_inside();
  CHECK(getuid() == 0 && getgid() == 0);
  CHECK_ERRNO(sethostname("mine", 4), EPERM); // the host name is the parent namespace's
  CHECK_ERRNO(mount("none", "/tmp", "tmpfs", 0, NULL), EPERM);
  CHECK(unshare(CLONE_NEWUTS) == 0 && sethostname("mine", 4) == 0);
  struct utsname name;
  CHECK(uname(&name) == 0 && strcmp(name.nodename, "mine") == 0);
  CHECK(unshare(CLONE_NEWNS) == 0);
  CHECK(mount("none", "/tmp", "tmpfs", 0, NULL) == 0);
  const int file = open("/tmp/file", O_CREAT | O_RDWR, 0600);
  struct stat status;
  CHECK(file >= 0 && fstat(file, &status) == 0 && status.st_uid == 0);
  CHECK_ERRNO(fchown(file, 5, 5), EINVAL); // not mapped
  CHECK(fchown(file, 0, 0) == 0);
  // What belongs to the whole machine stays out of reach.
  const struct timespec now = {1, 0};
  CHECK_ERRNO(clock_settime(CLOCK_REALTIME, &now), EPERM);
  CHECK_ERRNO(setgroups(0, NULL), EPERM); // denied
  struct ucred peer;
  socklen_t size = sizeof peer;
  int pair[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0);
  // "The child gets a full set … in its own namespace": and loses them as any root does.
  CHECK(prctl(PR_SET_KEEPCAPS, 0) == 0);
  CHECK_ERRNO(setresuid(1, 1, 1), EINVAL);
}

static void nested(void) {
  become_root_inside();
  const int outer = open("/proc/self/ns/user", O_RDONLY);
  NEED(outer >= 0);
  CHECK(ioctl(outer, NS_GET_NSTYPE) == CLONE_NEWUSER);
  CHECK_ERRNO(ioctl(outer, NS_GET_PARENT), EPERM); // outside of the caller's scope
  become_root_inside();
  CHECK(getuid() == 0);
  const int inner = open("/proc/self/ns/user", O_RDONLY);
  struct stat one, two;
  CHECK(inner >= 0 && fstat(outer, &one) == 0 && fstat(inner, &two) == 0 &&
        one.st_ino != two.st_ino);
  CHECK_ERRNO(setns(inner, CLONE_NEWUSER), EINVAL); // the own one
  CHECK_ERRNO(setns(outer, CLONE_NEWUSER), EPERM);  // not up again
}

static void owners(void) {
  become_root_inside();
  NEED(unshare(CLONE_NEWUTS) == 0);
  const int names = open("/proc/self/ns/uts", O_RDONLY);
  const int users = open("/proc/self/ns/user", O_RDONLY);
  NEED(names >= 0 && users >= 0);
  const int owner = ioctl(names, NS_GET_USERNS);
  struct stat one, two;
  CHECK(owner >= 0 && fstat(owner, &one) == 0 && fstat(users, &two) == 0 &&
        one.st_ino == two.st_ino);
  CHECK_ERRNO(ioctl(names, NS_GET_PARENT), EINVAL);
}

int main(void) {
  const uid_t ordinary = 99;
  CHECK_ERRNO(clone_into(CLONE_NEWUSER | CLONE_FS), EINVAL);
  const int own = open("/proc/self/ns/user", O_RDONLY);
  CHECK(own >= 0);
  CHECK_ERRNO(setns(own, CLONE_NEWUSER), EINVAL);
  const int as_root = geteuid() == 0;
  for (int privileged = 0; privileged <= as_root; ++privileged) {
    IN_CHILD({
      if (as_root && !privileged)
        NEED(setgroups(0, NULL) == 0 && setresgid(99, 99, 99) == 0 &&
             setresuid(ordinary, ordinary, ordinary) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
      IN_CHILD(without_a_map());
      if (!privileged)
        IN_CHILD(maps(geteuid()));
      IN_CHILD(capabilities());
      IN_CHILD(nested());
      IN_CHILD(owners());
    });
  }
  return finish();
}
