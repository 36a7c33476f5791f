// Handlers of this family that are not written yet.
#include "syscall/handlers.hpp"

namespace tine::syscall {

SyscallResult sys_stat(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_fstat(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_lstat(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_newfstatat(Call &, int, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_statx(Call &, int, GuestAddress, u64, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_access(Call &, GuestAddress, int) { return Errno{ENOSYS}; }
SyscallResult sys_faccessat(Call &, int, GuestAddress, int) { return Errno{ENOSYS}; }
SyscallResult sys_faccessat2(Call &, int, GuestAddress, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_getdents(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_getdents64(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_getcwd(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_chdir(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_fchdir(Call &, int) { return Errno{ENOSYS}; }
SyscallResult sys_rename(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_renameat(Call &, int, GuestAddress, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_renameat2(Call &, int, GuestAddress, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_mkdir(Call &, GuestAddress, u32) { return Errno{ENOSYS}; }
SyscallResult sys_mkdirat(Call &, int, GuestAddress, u32) { return Errno{ENOSYS}; }
SyscallResult sys_rmdir(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_link(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_linkat(Call &, int, GuestAddress, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_unlink(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_unlinkat(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_symlink(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_symlinkat(Call &, GuestAddress, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_readlink(Call &, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_readlinkat(Call &, int, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_chmod(Call &, GuestAddress, u32) { return Errno{ENOSYS}; }
SyscallResult sys_fchmod(Call &, int, u32) { return Errno{ENOSYS}; }
SyscallResult sys_fchmodat(Call &, int, GuestAddress, u32) { return Errno{ENOSYS}; }
SyscallResult sys_chown(Call &, GuestAddress, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_fchown(Call &, int, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_lchown(Call &, GuestAddress, int, int) { return Errno{ENOSYS}; }
SyscallResult sys_fchownat(Call &, int, GuestAddress, int, int, u64) { return Errno{ENOSYS}; }
SyscallResult sys_umask(Call &, u32) { return Errno{ENOSYS}; }
SyscallResult sys_utime(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_utimes(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_futimesat(Call &, int, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_utimensat(Call &, int, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_mknod(Call &, GuestAddress, u32, u64) { return Errno{ENOSYS}; }
SyscallResult sys_mknodat(Call &, int, GuestAddress, u32, u64) { return Errno{ENOSYS}; }
SyscallResult sys_statfs(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_fstatfs(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_ustat(Call &, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_chroot(Call &, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_mount(Call &, GuestAddress, GuestAddress, GuestAddress, u64, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_umount2(Call &, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_pivot_root(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_setxattr(Call &, GuestAddress, GuestAddress, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_lsetxattr(Call &, GuestAddress, GuestAddress, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_fsetxattr(Call &, int, GuestAddress, GuestAddress, u64, u64) { return Errno{ENOSYS}; }
SyscallResult sys_getxattr(Call &, GuestAddress, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_lgetxattr(Call &, GuestAddress, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_fgetxattr(Call &, int, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_listxattr(Call &, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_llistxattr(Call &, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_flistxattr(Call &, int, GuestAddress, u64) { return Errno{ENOSYS}; }
SyscallResult sys_removexattr(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_lremovexattr(Call &, GuestAddress, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_fremovexattr(Call &, int, GuestAddress) { return Errno{ENOSYS}; }
SyscallResult sys_name_to_handle_at(Call &, int, GuestAddress, GuestAddress, GuestAddress, u64) { return Errno{ENOSYS}; }

} // namespace tine::syscall
