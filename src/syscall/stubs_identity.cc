// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_getuid(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_geteuid(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_getgid(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_getegid(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_setuid(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_setgid(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_setreuid(Call &, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_setregid(Call &, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_setresuid(Call &, int, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_getresuid(Call &, GuestAddress, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_setresgid(Call &, int, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_getresgid(Call &, GuestAddress, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_setfsuid(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_setfsgid(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_getgroups(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_setgroups(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_capget(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_capset(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }

} // namespace tine::syscall
