// fork(2), execve(2), POSIX fork: process group, session, ids, groups, nice value, policy,
// affinity, limits, working directory, umask and environment are the parent's.
#include "check.h"

#include <grp.h>
#include <sys/prctl.h>

int main(void) {
  gid_t groups[2] = {7, 8};
  NEED(setgroups(2, groups) == 0);
  NEED(setresgid(11, 12, 13) == 0);
  NEED(chdir("/usr/lib") == 0);
  umask(0137);
  setenv("FORKED", "yes", 1);
  NEED(setpriority(PRIO_PROCESS, 0, 3) == 0);
  struct rlimit limit = {55, 66};
  NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  NEED(setresuid(21, 22, 23) == 0);
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  pid_t group = getpgrp(), session = getsid(0);
  cpu_set_t cpus, child_cpus;
  NEED(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
  IN_CHILD({
    CHECK(getpgrp() == group);
    CHECK(getsid(0) == session);
    uid_t real, effective, saved;
    CHECK(getresuid(&real, &effective, &saved) == 0 && real == 21 && effective == 22 &&
          saved == 23);
    CHECK(getresgid(&real, &effective, &saved) == 0 && real == 11 && effective == 12 &&
          saved == 13);
    gid_t now[8];
    CHECK(getgroups(8, now) == 2 && now[0] == 7 && now[1] == 8);
    char folder[64];
    CHECK(getcwd(folder, sizeof folder) && strcmp(folder, "/usr/lib") == 0);
    CHECK(umask(0) == 0137);
    CHECK(strcmp(getenv("FORKED"), "yes") == 0);
    CHECK(getpriority(PRIO_PROCESS, 0) == 3);
    struct rlimit got;
    CHECK(getrlimit(RLIMIT_NOFILE, &got) == 0 && got.rlim_cur == 55 && got.rlim_max == 66);
    CHECK(sched_getscheduler(0) == SCHED_OTHER);
    CHECK(sched_getaffinity(0, sizeof child_cpus, &child_cpus) == 0 &&
          CPU_EQUAL(&cpus, &child_cpus));
    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
  });
  return finish();
}
