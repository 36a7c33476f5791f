// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_nanosleep(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_clock_nanosleep(Call &, int, u64, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_clock_gettime(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_clock_settime(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_clock_getres(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_clock_adjtime(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_gettimeofday(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_settimeofday(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_adjtimex(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_time(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_times(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_alarm(Call &, u32) { return Errno{ENOSYS}; }
SyscallResult sys_setitimer(Call &, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_getitimer(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_timer_create(Call &, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_timer_settime(Call &, int, u64, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_timer_gettime(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_timer_getoverrun(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_timer_delete(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_getrusage(Call &, int, GuestAddress) { return Errno{ENOSYS}; }

} // namespace tine::syscall
