// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_dup(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_dup2(Call &, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_dup3(Call &, int, int, u32) { return Errno{ENOSYS}; }
SyscallResult sys_fcntl(Call &, int, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_ioctl(Call &, int, u32, u64) { return Errno{ENOSYS}; }
SyscallResult sys_flock(Call &, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_close_range(Call &, u32, u32, u64) { return Errno{ENOSYS}; }
SyscallResult sys_pipe(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_pipe2(Call &, GuestAddress, u32) { return Errno{ENOSYS}; }
SyscallResult sys_eventfd(Call &, u32) { return Errno{ENOSYS}; }
SyscallResult sys_eventfd2(Call &, u32, u64) { return Errno{ENOSYS}; }
SyscallResult sys_signalfd(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_signalfd4(Call &, int, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_timerfd_create(Call &, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_timerfd_settime(Call &, int, u64, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_timerfd_gettime(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_inotify_init(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_inotify_init1(Call &, u64) { return Errno{ENOSYS}; }
SyscallResult sys_inotify_add_watch(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_inotify_rm_watch(Call &, int, int) { return Errno{ENOSYS}; }

} // namespace tine::syscall
