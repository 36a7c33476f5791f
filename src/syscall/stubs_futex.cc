// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_futex(Call &, GuestAddress, u32, u64, u64, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_futex_waitv(Call &, GuestAddress, u32, u64, GuestAddress, int) { return Errno{ENOSYS}; }

} // namespace tine::syscall
