// setresuid(2), setuid(2), setgroups(2), credentials(7).
#include "check.h"

#include <grp.h>
#include <sys/fsuid.h>

int main(void) {
  uid_t r, e, s;
  IN_CHILD({
    CHECK(seteuid(1000) == 0 && geteuid() == 1000 && getuid() == 0);
    CHECK(seteuid(0) == 0 && geteuid() == 0);
    CHECK(setresuid(1000, 1001, 1002) == 0 && getresuid(&r, &e, &s) == 0 && r == 1000 &&
          e == 1001 && s == 1002);
    CHECK(setresuid(-1u, 1002, -1u) == 0 && geteuid() == 1002);
    CHECK_ERRNO(setresuid(0, -1u, -1u), EPERM);
    CHECK(setreuid(1002, 1000) == 0);
  });
  IN_CHILD({
    CHECK(setuid(77) == 0 && getresuid(&r, &e, &s) == 0 && r == 77 && e == 77 && s == 77);
    CHECK_ERRNO(setgroups(0, NULL), EPERM);
    CHECK_ERRNO(setgid(5), EPERM);
    CHECK(setgid(getgid()) == 0);
  });
  IN_CHILD({
    gid_t group = 99;
    CHECK(setgroups(1, &group) == 0 && getgroups(0, NULL) == 1);
    gid_t groups[3] = {7, 5, 6};
    CHECK(setgroups(3, groups) == 0 && getgroups(3, groups) == 3);
    CHECK_THAT(groups[0] == 5 && groups[1] == 6 && groups[2] == 7, "the list is sorted");
    CHECK(setfsuid(5) == 0 && setfsuid(5) == 5);
  });
  CHECK(getuid() == 0 && geteuid() == 0);
  return finish();
}
