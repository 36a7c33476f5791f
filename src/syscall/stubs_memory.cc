// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_mmap(Call &, GuestAddress, u64, u32, u32, int, i64) { return Errno{ENOSYS}; }
SyscallResult sys_munmap(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_mprotect(Call &, GuestAddress, u64, u32) { return Errno{ENOSYS}; }
SyscallResult sys_mremap(Call &, GuestAddress, u64, u64, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_madvise(Call &, GuestAddress, u64, int) { return Errno{ENOSYS}; }
SyscallResult sys_process_madvise(Call &, int, GuestAddress, u64, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_brk(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_mincore(Call &, GuestAddress, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_msync(Call &, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_mlock(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_mlock2(Call &, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_munlock(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_mlockall(Call &, u64) { return Errno{ENOSYS}; }
SyscallResult sys_munlockall(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_membarrier(Call &, int, u64, int) { return Errno{ENOSYS}; }
SyscallResult sys_process_vm_readv(Call &, int, GuestAddress, u64, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_process_vm_writev(Call &, int, GuestAddress, u64, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_remap_file_pages(Call &, GuestAddress, u64, u32, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_pkey_mprotect(Call &, GuestAddress, u64, u32, int) { return Errno{ENOSYS}; }
SyscallResult sys_pkey_alloc(Call &, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_pkey_free(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_mbind(Call &, GuestAddress, u64, int, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_get_mempolicy(Call &, GuestAddress, GuestAddress, u64, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_set_mempolicy(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }

} // namespace tine::syscall
