// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_uname(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sysinfo(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_getrandom(Call &, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_getrlimit(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_setrlimit(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_prlimit64(Call &, int, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sethostname(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_setdomainname(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_syslog(Call &, int, GuestAddress, int) { return Errno{ENOSYS}; }
SyscallResult sys_getcpu(Call &, GuestAddress, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_reboot(Call &, u64, u64, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_swapon(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_swapoff(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_vhangup(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_quotactl(Call &, u64, GuestAddress, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_sysfs(Call &, int, u64, u64) { return Errno{ENOSYS}; }

} // namespace tine::syscall
