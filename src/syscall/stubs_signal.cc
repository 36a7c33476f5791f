// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_rt_sigaction(Call &, int, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_rt_sigprocmask(Call &, int, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_rt_sigpending(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_rt_sigsuspend(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_rt_sigtimedwait(Call &, GuestAddress, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_rt_sigqueueinfo(Call &, int, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_rt_tgsigqueueinfo(Call &, int, int, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_rt_sigreturn(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_sigaltstack(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_kill(Call &, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_tkill(Call &, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_tgkill(Call &, int, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_pause(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_restart_syscall(Call &) { return Errno{ENOSYS}; }

} // namespace tine::syscall
