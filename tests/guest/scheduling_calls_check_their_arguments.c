// sched_setscheduler(2), sched_setparam(2), sched_rr_get_interval(2), sched_setattr(2): "EINVAL:
// pid is negative, or param is NULL", "ESRCH", "E2BIG: … size"; setpriority(2), ioprio_set(2):
// "EPERM: … neither its effective UID … matched the effective UID of the caller", "EINVAL: Invalid
// value for which or ioprio".
#include "check.h"

struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint64_t more[4];
};

enum {
  who_process = 1,
  who_group = 2,
  best_effort = 2 << 13,
  idle = 3 << 13,
  nobody_has = 1 << 29
};

static void policies(void) {
  struct sched_param param = {0};
  static void *volatile none;
  CHECK_ERRNO(syscall(SYS_sched_getparam, -1, &param), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_getparam, 0, none), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_getparam, nobody_has, &param), ESRCH);
  CHECK_ERRNO(syscall(SYS_sched_setparam, -1, &param), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_setparam, 0, none), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, none), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_setscheduler, -1, SCHED_OTHER, &param), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, 99, &param), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_getscheduler, -1), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_getscheduler, nobody_has), ESRCH);
  enum { ext = 7 };
  CHECK(syscall(SYS_sched_get_priority_max, SCHED_DEADLINE) == 0 &&
        syscall(SYS_sched_get_priority_min, ext) == 0);
  CHECK_ERRNO(syscall(SYS_sched_get_priority_max, 8), EINVAL);
  IN_CHILD({ // sched(7): out of SCHED_IDLE as far as RLIMIT_NICE allows
    NEED(setresuid(1234, 1234, 1234) == 0);
    struct rlimit limit = {0, 0};
    NEED(setrlimit(RLIMIT_NICE, &limit) == 0);
    CHECK(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &param) == 0);
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param), EPERM);
  });
  struct timespec slice;
  CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, -1, &slice), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, nobody_has, &slice), ESRCH);
}

static void attributes(void) {
  static void *volatile none;
  struct attributes value = {0};
  CHECK_ERRNO(syscall(SYS_sched_getattr, 0, none, 48, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_getattr, -1, &value, 48, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &value, 47, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &value, 4097, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &value, 48, 1), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_setattr, 0, none, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_setattr, -1, &value, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &value, 1), EINVAL);
  value = (struct attributes){.size = 0};
  CHECK(syscall(SYS_sched_setattr, 0, &value, 0) == 0);
  CHECK_ERRNO(syscall(SYS_sched_setattr, nobody_has, &value, 0), ESRCH);
  value.size = 47;
  CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &value, 0), E2BIG);
  value = (struct attributes){.size = sizeof value};
  CHECK(syscall(SYS_sched_setattr, 0, &value, 0) == 0);
  value = (struct attributes){.size = sizeof value};
  value.more[3] = 1;
  CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &value, 0), E2BIG);
  CHECK_THAT(value.size >= 48 && value.size < sizeof value,
             "the size that the kernel knows is stored");
  enum { keep_policy = 8, keep_parameters = 16 };
  value = (struct attributes){.size = 48, .flags = keep_policy | keep_parameters, .nice = 9};
  CHECK(syscall(SYS_sched_setattr, 0, &value, 0) == 0);
  CHECK(syscall(SYS_sched_getattr, 0, &value, 48, 0) == 0 && value.nice == 0);
  value = (struct attributes){.size = 48, .flags = keep_policy | keep_parameters, .priority = 50};
  CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &value, 0), EINVAL);
  value = (struct attributes){.size = 48, .policy = (uint32_t)-1};
  CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &value, 0), EINVAL);
}

static void io_priorities(void) {
  CHECK(syscall(SYS_ioprio_get, who_process, 0) == 0);
  CHECK_ERRNO(syscall(SYS_ioprio_get, 9, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_ioprio_get, who_process, nobody_has), ESRCH);
  CHECK_ERRNO(syscall(SYS_ioprio_set, 9, 0, best_effort), EINVAL);
  CHECK_ERRNO(syscall(SYS_ioprio_set, who_process, 0, 1), EINVAL);
  CHECK_ERRNO(syscall(SYS_ioprio_set, who_process, 0, 5 << 13), EINVAL);
  CHECK_ERRNO(syscall(SYS_ioprio_set, who_process, nobody_has, best_effort), ESRCH);
  CHECK(syscall(SYS_ioprio_set, who_process, 0, best_effort | 4) == 0);
  CHECK(syscall(SYS_ioprio_get, who_process, 0) == (best_effort | 4));
  IN_CHILD(CHECK(syscall(SYS_ioprio_get, who_process, 0) == (best_effort | 4)));
  CHECK(syscall(SYS_ioprio_set, who_process, 0, idle) == 0);
}

/// Another user may change neither of these of the parent.
static void of_another_user(void) {
  struct sched_param param = {0};
  NEED(setresuid(1234, 1234, 1234) == 0);
  pid_t parent = getppid();
  CHECK_ERRNO(setpriority(PRIO_PROCESS, (id_t)parent, 19), EPERM);
  CHECK_ERRNO(syscall(SYS_sched_setscheduler, parent, SCHED_OTHER, &param), EPERM);
  cpu_set_t all;
  NEED(sched_getaffinity(0, sizeof all, &all) == 0);
  CHECK_ERRNO(sched_setaffinity(parent, sizeof all, &all), EPERM);
  CHECK_ERRNO(syscall(SYS_ioprio_set, who_process, parent, idle), EPERM);
  CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
  CHECK(setpriority(PRIO_PROCESS, 0, 10) == 0);
  CHECK_ERRNO(setpriority(PRIO_PROCESS, 0, 5), EACCES);
}

int main(void) {
  policies();
  attributes();
  io_priorities();
  IN_CHILD(of_another_user());
  return finish();
}
