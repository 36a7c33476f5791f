// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_poll(Call &, GuestAddress, u32, int) { return Errno{ENOSYS}; }
SyscallResult sys_ppoll(Call &, GuestAddress, u32, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_select(Call &, int, GuestAddress, GuestAddress, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_pselect6(Call &, int, GuestAddress, GuestAddress, GuestAddress, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_epoll_create(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_epoll_create1(Call &, u64) { return Errno{ENOSYS}; }
SyscallResult sys_epoll_ctl(Call &, int, int, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_epoll_wait(Call &, int, GuestAddress, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_epoll_pwait(Call &, int, GuestAddress, int, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_epoll_pwait2(Call &, int, GuestAddress, int, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }

} // namespace tine::syscall
