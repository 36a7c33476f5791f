// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_fork(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_vfork(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_clone(Call &, u64, GuestAddress, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_clone3(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_execve(Call &, GuestAddress, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_execveat(Call &, int, GuestAddress, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_exit(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_exit_group(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_wait4(Call &, int, GuestAddress, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_waitid(Call &, int, int, GuestAddress, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_getpid(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_getppid(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_gettid(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_getpgid(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_setpgid(Call &, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_getpgrp(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_getsid(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_setsid(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_set_tid_address(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_prctl(Call &, int, u64, u64, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_arch_prctl(Call &, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_personality(Call &, u64) { return Errno{ENOSYS}; }
SyscallResult sys_ptrace(Call &, int, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_pidfd_open(Call &, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_pidfd_send_signal(Call &, int, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_pidfd_getfd(Call &, int, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_unshare(Call &, u64) { return Errno{ENOSYS}; }
SyscallResult sys_setns(Call &, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_kcmp(Call &, int, int, int, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_rseq(Call &, GuestAddress, u64, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_set_robust_list(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_get_robust_list(Call &, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sched_yield(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_sched_setaffinity(Call &, int, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sched_getaffinity(Call &, int, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sched_setparam(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sched_getparam(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sched_setscheduler(Call &, int, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sched_getscheduler(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_sched_get_priority_max(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_sched_get_priority_min(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_sched_rr_get_interval(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sched_setattr(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_sched_getattr(Call &, int, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_getpriority(Call &, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_setpriority(Call &, int, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_ioprio_get(Call &, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_ioprio_set(Call &, int, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_seccomp(Call &, int, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_acct(Call &, GuestAddress) { return Errno{ENOSYS}; }

} // namespace tine::syscall
