// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_read(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_write(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_open(Call &, GuestAddress, u32, u32) { return Errno{ENOSYS}; }
SyscallResult sys_close(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_lseek(Call &, int, i64, int) { return Errno{ENOSYS}; }
SyscallResult sys_pread64(Call &, int, GuestAddress, u64, i64) { return Errno{ENOSYS}; }
SyscallResult sys_pwrite64(Call &, int, GuestAddress, u64, i64) { return Errno{ENOSYS}; }
SyscallResult sys_readv(Call &, int, GuestAddress, int) { return Errno{ENOSYS}; }
SyscallResult sys_writev(Call &, int, GuestAddress, int) { return Errno{ENOSYS}; }
SyscallResult sys_preadv(Call &, int, GuestAddress, int, i64) { return Errno{ENOSYS}; }
SyscallResult sys_pwritev(Call &, int, GuestAddress, int, i64) { return Errno{ENOSYS}; }
SyscallResult sys_preadv2(Call &, int, GuestAddress, int, i64, i64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_pwritev2(Call &, int, GuestAddress, int, i64, i64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_openat(Call &, int, GuestAddress, u32, u32) { return Errno{ENOSYS}; }
SyscallResult sys_openat2(Call &, int, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_creat(Call &, GuestAddress, u32) { return Errno{ENOSYS}; }
SyscallResult sys_sendfile(Call &, int, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_copy_file_range(Call &, int, GuestAddress, int, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_splice(Call &, int, GuestAddress, int, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_tee(Call &, int, int, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_vmsplice(Call &, int, GuestAddress, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_ftruncate(Call &, int, i64) { return Errno{ENOSYS}; }
SyscallResult sys_truncate(Call &, GuestAddress, i64) { return Errno{ENOSYS}; }
SyscallResult sys_fallocate(Call &, int, u64, i64, i64) { return Errno{ENOSYS}; }
SyscallResult sys_fsync(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_fdatasync(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_sync(Call &) { return Errno{ENOSYS}; }
SyscallResult sys_syncfs(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_sync_file_range(Call &, int, i64, i64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_fadvise64(Call &, int, i64, u64, int) { return Errno{ENOSYS}; }
SyscallResult sys_readahead(Call &, int, i64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_memfd_create(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }

} // namespace tine::syscall
