// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_socket(Call &, int, u64, int) { return Errno{ENOSYS}; }
SyscallResult sys_socketpair(Call &, int, u64, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_bind(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_listen(Call &, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_accept(Call &, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_accept4(Call &, int, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_connect(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_getsockname(Call &, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_getpeername(Call &, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_setsockopt(Call &, int, int, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_getsockopt(Call &, int, int, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sendto(Call &, int, GuestAddress, u64, u64, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_recvfrom(Call &, int, GuestAddress, u64, u64, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sendmsg(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_recvmsg(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_sendmmsg(Call &, int, GuestAddress, u32, u64) { return Errno{ENOSYS}; }
SyscallResult sys_recvmmsg(Call &, int, GuestAddress, u32, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_shutdown(Call &, int, int) { return Errno{ENOSYS}; }

} // namespace tine::syscall
