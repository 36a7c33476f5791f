// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_shmget(Call &, int, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_shmat(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_shmdt(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_shmctl(Call &, int, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_semget(Call &, int, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_semop(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_semtimedop(Call &, int, GuestAddress, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_semctl(Call &, int, int, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_msgget(Call &, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_msgsnd(Call &, int, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_msgrcv(Call &, int, GuestAddress, u64, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_msgctl(Call &, int, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_mq_open(Call &, GuestAddress, u32, u32, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_mq_unlink(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_mq_timedsend(Call &, int, GuestAddress, u64, u32, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_mq_timedreceive(Call &, int, GuestAddress, u64, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_mq_notify(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_mq_getsetattr(Call &, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }

} // namespace tine::syscall
