// Sizes, allocation, synchronization; memfd.
#include "syscall/descriptors_signals.hpp"
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"

#include "fs/inotify.hpp"
#include "fs/leases.hpp"
#include "fs/memory_fs.hpp"
#include "process/signals.hpp"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif

namespace tine::syscall {
namespace {

/// RLIMIT_FSIZE for a size that is asked for.
Status check_limit(Call &call, u64 size) {
  if (size <= call.process.limits[RLIMIT_FSIZE].current)
    return Done{};
  process::send_signal(call.thread, process::kernel_signal(SIGXFSZ));
  return Errno{EFBIG};
}

} // namespace

SyscallResult sys_truncate(Call &call, GuestAddress path, i64 size) {
  if (size < 0)
    return Errno{EINVAL};
  const fs::Path found = TINE_TRY(find_path(call, {.directory = AT_FDCWD, .path = path}));
  fs::Inode &inode = *found.dentry->inode();
  if (inode.is_directory())
    return Errno{EISDIR};
  if (inode.type() != S_IFREG)
    return Errno{EINVAL};
  TINE_TRY(check_writable_mount(found));
  TINE_TRY(fs::check_permission(call.thread.credentials, inode, 2));
  if (inode.executions > 0)
    return Errno{ETXTBSY};
  if (!fs::break_leases(inode, true))
    return wait_for_leases(call, inode).value_or(Errno{EAGAIN});
  TINE_TRY(check_limit(call, static_cast<u64>(size)));
  TINE_TRY(drop_set_id(call, inode));
  TINE_TRY(inode.truncate(static_cast<u64>(size)));
  fs::notify(*found.dentry, IN_MODIFY);
  return 0;
}

SyscallResult sys_ftruncate(Call &call, int fd, i64 size) {
  if (size < 0)
    return Errno{EINVAL};
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  if (!file->is_writable() || !S_ISREG(TINE_TRY(file->stat()).st_mode))
    return Errno{EINVAL};
  TINE_TRY(check_limit(call, static_cast<u64>(size)));
  if (const Ref<fs::Inode> inode = file->inode())
    TINE_TRY(drop_set_id(call, *inode));
  TINE_TRY(file->truncate(static_cast<u64>(size)));
  fs::notify(*file, IN_MODIFY);
  return 0;
}

SyscallResult sys_fallocate(Call &call, int fd, u64 mode, i64 offset, i64 length) {
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  if (offset < 0 || length <= 0)
    return Errno{EINVAL};
  if (!file->is_writable())
    return Errno{EBADF};
  const Ref<fs::Inode> inode = file->inode();
  if (S_ISFIFO(TINE_TRY(file->stat()).st_mode))
    return Errno{ESPIPE};
  if (!inode || inode->type() != S_IFREG)
    return Errno{ENODEV};
  i64 end = 0;
  if (__builtin_add_overflow(offset, length, &end))
    return Errno{EFBIG};
  if ((mode & FALLOC_FL_KEEP_SIZE) == 0)
    TINE_TRY(check_limit(call, static_cast<u64>(end)));
  TINE_TRY(drop_set_id(call, *inode));
  TINE_TRY(
      file->allocate(static_cast<int>(mode), static_cast<u64>(offset), static_cast<u64>(length)));
  fs::notify(*file, IN_MODIFY);
  return 0;
}

SyscallResult sys_fsync(Call &call, int fd) {
  return TINE_TRY(file_of(call, fd))->sync();
}
SyscallResult sys_fdatasync(Call &call, int fd) {
  return sys_fsync(call, fd);
}

// What the box wrote is in memory, or was written to the host at once.
SyscallResult sys_sync(Call &) {
  return 0;
}

SyscallResult sys_syncfs(Call &call, int fd) {
  TINE_TRY(file_of(call, fd));
  return 0;
}

SyscallResult sys_sync_file_range(Call &call, int fd, i64 offset, i64 length, u64 flags) {
  constexpr u64 known =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  if (offset < 0 || length < 0 || (flags & ~known) != 0)
    return Errno{EINVAL};
  const Ref<fs::Inode> inode = file->inode();
  if (!inode || inode->type() == S_IFIFO)
    return Errno{ESPIPE};
  return file->sync();
}

SyscallResult sys_fadvise64(Call &call, int fd, i64, u64 length, int advice) {
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  const Ref<fs::Inode> inode = file->inode();
  if (!inode || inode->type() == S_IFIFO)
    return Errno{ESPIPE};
  if (static_cast<i64>(length) < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
    return Errno{EINVAL};
  return 0;
}

SyscallResult sys_readahead(Call &call, int fd, i64, u64) {
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  if (!file->is_readable())
    return Errno{EBADF};
  const Ref<fs::Inode> inode = file->inode();
  return inode && inode->type() == S_IFREG ? 0 : SyscallResult(Errno{EINVAL});
}

SyscallResult sys_memfd_create(Call &call, GuestAddress address, u64 flags) {
  constexpr u64 no_exec_seal = 0x8, exec = 0x10; // MFD_NOEXEC_SEAL, MFD_EXEC
  constexpr u64 known = MFD_CLOEXEC | MFD_ALLOW_SEALING | no_exec_seal | exec;
  if ((flags & ~known) != 0 || (flags & (no_exec_seal | exec)) == (no_exec_seal | exec))
    return Errno{EINVAL}; // MFD_HUGETLB: there are no huge pages
  const Result<std::string> name = call.memory.read_string(address, 250);
  if (!name)
    return name.error() == Errno{ENAMETOOLONG} ? Errno{EINVAL} : name.error();
  const auto memory = make_ref<fs::MemoryFs>(call.kernel.host.frames, fs::MemoryFs::Options{});
  const bool no_exec = (flags & no_exec_seal) != 0;
  const bool sealable = no_exec || (flags & MFD_ALLOW_SEALING) != 0;
  Ref<fs::File> file = TINE_TRY(fs::make_memfd(memory, *name, sealable, no_exec ? 0666U : 0777U));
  if (no_exec)
    static_cast<fs::MemoryFile &>(*file).memory_inode()->seals = F_SEAL_EXEC;
  return install_file(call, std::move(file), (flags & MFD_CLOEXEC) != 0);
}

} // namespace tine::syscall
