// fcntl(2) and flock(2).
#include "syscall/descriptors_signals.hpp"
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"

#include "fs/locks.hpp"
#include "fs/memory_fs.hpp"
#include "memory/mapping_registry.hpp"
#include "process/settings.hpp"

#include <fcntl.h>
#include <limits>
#include <linux/capability.h>
#include <sys/file.h>

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif

namespace tine::syscall {
namespace {

/// The bytes that a struct flock names. EINVAL, EOVERFLOW.
Result<fs::LockRange> range_of(fs::File &file, const struct flock &lock) {
  i64 start = lock.l_start;
  i64 base = 0;
  switch (lock.l_whence) {
  case SEEK_SET:
    break;
  case SEEK_CUR:
    base = static_cast<i64>(file.offset);
    break;
  case SEEK_END:
    base = TINE_TRY(file.stat()).st_size;
    break;
  default:
    return Errno{EINVAL};
  }
  if (__builtin_add_overflow(start, base, &start))
    return Errno{EOVERFLOW};
  i64 end = 0; // exclusive
  if (lock.l_len == 0)
    return start < 0 ? Result<fs::LockRange>(Errno{EINVAL})
                     : fs::LockRange{static_cast<u64>(start), ~u64{0}};
  // The last byte, which may be the largest offset that there is: to the end of the file.
  if (lock.l_len > 0 && !__builtin_add_overflow(start, lock.l_len - 1, &end) && start >= 0 &&
      end == std::numeric_limits<i64>::max())
    return fs::LockRange{static_cast<u64>(start), ~u64{0}};
  if (__builtin_add_overflow(start, lock.l_len, &end))
    return Errno{EOVERFLOW};
  // "l_len may be negative; in that case, the interval is the bytes before l_start".
  if (lock.l_len < 0)
    std::swap(start, end);
  if (start < 0)
    return Errno{EINVAL};
  return fs::LockRange{static_cast<u64>(start), static_cast<u64>(end - 1)};
}

struct LockCall {
  Ref<fs::File> file;
  struct flock lock;
  fs::LockRequest request;
};

Result<LockCall> read_lock(Call &call, int fd, GuestAddress address, bool of_description) {
  Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  const auto lock = TINE_TRY(call.memory.read_object<struct flock>(address));
  LockCall result{std::move(file), lock, {}};
  if (of_description && result.lock.l_pid != 0)
    return Errno{EINVAL};
  result.request.owner = of_description ? static_cast<fs::LockOwner>(result.file.get())
                                        : static_cast<fs::LockOwner>(call.thread.files.get());
  result.request.pid = of_description ? Pid{-1} : call.process.pid;
  result.request.exclusive = result.lock.l_type == F_WRLCK;
  result.request.range = TINE_TRY(range_of(*result.file, result.lock));
  return result;
}

SyscallResult get_lock(Call &call, int fd, GuestAddress address, bool of_description) {
  LockCall asked = TINE_TRY(read_lock(call, fd, address, of_description));
  if (asked.lock.l_type != F_RDLCK && asked.lock.l_type != F_WRLCK)
    return Errno{EINVAL};
  const Ref<fs::LockList> locks = fs::LockList::of(*asked.file, false);
  const std::optional<fs::HeldLock> blocker = locks ? locks->conflict(asked.request) : std::nullopt;
  if (!blocker) {
    asked.lock.l_type = F_UNLCK;
  } else {
    asked.lock.l_type = blocker->exclusive ? F_WRLCK : F_RDLCK;
    asked.lock.l_whence = SEEK_SET;
    asked.lock.l_start = static_cast<off_t>(blocker->range.first);
    asked.lock.l_len = blocker->range.last == ~u64{0}
                           ? 0
                           : static_cast<off_t>(blocker->range.last - blocker->range.first + 1);
    asked.lock.l_pid = blocker->pid.value < 0 ? -1 : shown(call, blocker->pid);
  }
  return call.memory.write_object(address, asked.lock);
}

SyscallResult set_lock(Call &call, int fd, GuestAddress address, bool of_description, bool wait) {
  const LockCall asked = TINE_TRY(read_lock(call, fd, address, of_description));
  const Ref<fs::LockList> locks = fs::LockList::of(*asked.file, true);
  if (!locks)
    return Errno{EBADF};
  fs::LockList::note_waiting(asked.request.owner, nullptr);
  switch (asked.lock.l_type) {
  case F_UNLCK:
    locks->unlock(asked.request.owner, asked.request.range);
    return 0;
  case F_RDLCK:
    if (!asked.file->is_readable())
      return Errno{EBADF};
    break;
  case F_WRLCK:
    if (!asked.file->is_writable())
      return Errno{EBADF};
    break;
  default:
    return Errno{EINVAL};
  }
  const Status locked = locks->lock(asked.request);
  if (locked || !wait)
    return locked;
  if (!of_description) // "EDEADLK": detected for record locks only
    TINE_TRY(locks->may_wait(asked.request));
  if (const auto blocker = locks->conflict(asked.request))
    fs::LockList::note_waiting(asked.request.owner, blocker->owner);
  call.thread.wait_on(locks->changed());
  return blocked();
}

Result<Ref<fs::MemoryInode>> sealed_inode(const Ref<fs::File> &file) {
  const auto memory = ref_cast<fs::MemoryFile>(file);
  if (!memory)
    return Errno{EINVAL};
  return memory->memory_inode();
}

SyscallResult add_seals(const Ref<fs::File> &file, u32 seals) {
  constexpr u32 of_contents = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
  constexpr u32 known = F_SEAL_SEAL | of_contents | F_SEAL_EXEC;
  if (!file->is_writable())
    return Errno{EPERM};
  if ((seals & ~known) != 0)
    return Errno{EINVAL};
  const Ref<fs::MemoryInode> inode = TINE_TRY(sealed_inode(file));
  if ((inode->seals & F_SEAL_SEAL) != 0)
    return Errno{EPERM};
  // Linux's memfd_add_seals: what stays executable may not be written any more.
  if ((seals & F_SEAL_EXEC) != 0 && (TINE_TRY(inode->permissions()).mode & 0111U) != 0)
    seals |= of_contents;
  // "F_SEAL_WRITE … fails with EBUSY if there are any writable, shared mappings".
  if ((seals & ~inode->seals & F_SEAL_WRITE) != 0 && inode->pages() &&
      memory::MappingRegistry::is_writably_mapped(*inode->pages()))
    return Errno{EBUSY};
  inode->seals |= seals;
  return 0;
}

SyscallResult pipe_capacity(const Call &call, const Ref<fs::File> &file,
                            std::optional<u64> wanted) {
  const auto end = ref_cast<fs::PipeFile>(file);
  if (!end)
    return Errno{EBADF};
  if (!wanted)
    return end->pipe().capacity();
  // "Attempts … to set the capacity above the limit in /proc/sys/fs/pipe-max-size … EPERM".
  if (*wanted > end->pipe().capacity() && *wanted <= (u64{1} << 31) &&
      *wanted > process::largest_pipe(call.kernel) &&
      !call.thread.credentials.capable(CAP_SYS_RESOURCE))
    return Errno{EPERM};
  return end->pipe().set_capacity(*wanted);
}

SyscallResult duplicate(Call &call, const Ref<fs::File> &file, u64 from, bool close_on_exec) {
  if (from >= descriptor_limit(call) || from > 0x7fffffff)
    return Errno{EINVAL};
  return install_file(call, file, close_on_exec, static_cast<int>(from));
}

SyscallResult set_status(Call &call, fs::File &file, int fd, u64 argument) {
  constexpr u32 changeable = O_APPEND | O_DIRECT | O_NOATIME | O_NONBLOCK;
  set_asynchronous(call, file, fd, (argument & O_ASYNC) != 0);
  file.set_status_flags((file.status_flags() & ~changeable) |
                        (static_cast<u32>(argument) & changeable));
  return 0;
}

} // namespace

SyscallResult sys_fcntl(Call &call, int fd, int command, u64 argument) {
  constexpr int same_description = 1027, was_created = 1028; // F_DUPFD_QUERY, F_CREATED_QUERY
  const Ref<fs::File> file = TINE_TRY(any_file_of(call, fd));
  const GuestAddress address{argument};
  switch (command) {
  case F_DUPFD:
  case F_DUPFD_CLOEXEC:
    return duplicate(call, file, argument, command == F_DUPFD_CLOEXEC);
  case F_GETFD:
    return TINE_TRY(call.thread.files->descriptor(fd)).close_on_exec ? FD_CLOEXEC : 0;
  case F_SETFD:
    return call.thread.files->set_close_on_exec(fd, (argument & FD_CLOEXEC) != 0);
  case F_GETFL:
    // O_LARGEFILE of x86-64's kernel, which open(2) adds: not for pipes, sockets and the like.
    return static_cast<u64>(file->status_flags() | (file->place() != nullptr ? 0100000U : 0U));
  default:
    break;
  }
  if ((file->status_flags() & O_PATH) != 0)
    return Errno{EBADF};
  switch (command) {
  case F_SETFL:
    return set_status(call, *file, fd, argument);
  case F_GETLK:
  case F_OFD_GETLK:
    return get_lock(call, fd, address, command == F_OFD_GETLK);
  case F_SETLK:
  case F_SETLKW:
    return set_lock(call, fd, address, false, command == F_SETLKW);
  case F_OFD_SETLK:
  case F_OFD_SETLKW:
    return set_lock(call, fd, address, true, command == F_OFD_SETLKW);
  case F_GETPIPE_SZ:
    return pipe_capacity(call, file, std::nullopt);
  case F_SETPIPE_SZ:
    return pipe_capacity(call, file, argument);
  case same_description:
    return TINE_TRY(file_of(call, static_cast<int>(argument))) == file ? 1 : 0;
  case was_created:
    return file->was_created ? 1 : 0;
  case F_ADD_SEALS:
    return add_seals(file, static_cast<u32>(argument));
  case F_GET_SEALS:
    return static_cast<u64>(TINE_TRY(sealed_inode(file))->seals);
  default:
    return signals_fcntl(call, file, fd, command, argument).value_or(Errno{EINVAL});
  }
}

SyscallResult sys_flock(Call &call, int fd, int operation) {
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  const Ref<fs::LockList> locks = fs::LockList::of(*file, true);
  if (!locks)
    return Errno{EBADF};
  if ((operation & LOCK_MAND) != 0) // "Linux … no longer recognizes LOCK_MAND": no lock, no error
    return 0;
  const bool wait = (operation & LOCK_NB) == 0;
  switch (operation & ~LOCK_NB) {
  case LOCK_UN:
    locks->unlock_whole(file.get());
    return 0;
  case LOCK_SH:
  case LOCK_EX:
    break;
  default:
    return Errno{EINVAL};
  }
  const Status locked = locks->lock_whole(file.get(), call.process.pid, (operation & LOCK_EX) != 0);
  if (locked || !wait)
    return locked;
  call.thread.wait_on(locks->changed());
  return blocked();
}

} // namespace tine::syscall
