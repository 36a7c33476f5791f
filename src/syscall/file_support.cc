#include "syscall/file_support.hpp"

#include "process/signals.hpp"

#include <climits>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/uio.h>

namespace tine::syscall {

Result<Ref<fs::File>> any_file_of(Call &call, int fd) {
  return call.thread.files->get(fd);
}

Result<Ref<fs::File>> file_of(Call &call, int fd) {
  Ref<fs::File> file = TINE_TRY(call.thread.files->get(fd));
  if ((file->status_flags() & O_PATH) != 0)
    return Errno{EBADF};
  return file;
}

u64 descriptor_limit(const Call &call) {
  return call.process.limits[RLIMIT_NOFILE].current;
}

Result<int> install_file(Call &call, Ref<fs::File> file, bool close_on_exec, int from) {
  return call.thread.files->install(std::move(file), close_on_exec, from, descriptor_limit(call));
}

Result<std::string> read_path(Call &call, GuestAddress address) {
  return call.memory.read_string(address, PATH_MAX);
}

Result<fs::Path> start_of(Call &call, int directory, std::string_view path) {
  if (path.starts_with('/') || directory == AT_FDCWD)
    return call.thread.fs->working_directory;
  const Ref<fs::File> file = TINE_TRY(any_file_of(call, directory));
  const Ref<fs::Inode> inode = file->inode();
  if (!path.empty() && (!inode || !inode->is_directory()))
    return Errno{ENOTDIR};
  return fs::path_of(*file);
}

Result<fs::Path> find_path(Call &call, const PathArgument &argument) {
  FoundInode found = TINE_TRY(find_inode(call, argument));
  if (!found.path)
    return fs::detached_path(found.file);
  return found.path;
}

Result<FoundInode> find_inode(Call &call, const PathArgument &argument) {
  const std::string path = TINE_TRY(read_path(call, argument.path));
  if (path.empty() && argument.may_be_empty) {
    if (argument.directory == AT_FDCWD) {
      const fs::Path &here = call.thread.fs->working_directory;
      return FoundInode{here, here.dentry->inode(), nullptr};
    }
    Ref<fs::File> file = TINE_TRY(any_file_of(call, argument.directory));
    return FoundInode{fs::path_of(*file), file->inode(), file};
  }
  const fs::Path start = TINE_TRY(start_of(call, argument.directory, path));
  fs::Path found = TINE_TRY(fs::lookup(*call.thread.fs, call.thread.credentials, start, path,
                                       {.follow_last = argument.follow}));
  Ref<fs::Inode> inode = found.dentry->inode();
  return FoundInode{std::move(found), std::move(inode), nullptr};
}

SyscallResult wait_for_file(Call &call, fs::File &file, u32 events, Interrupt interrupt) {
  if (sched::WaitQueue *queue = file.wait_queue())
    call.thread.wait_on(*queue);
  file.prepare_wait(events);
  return blocked(interrupt);
}

Errno broken_pipe(Call &call) {
  process::send_signal(call.thread, process::kernel_signal(SIGPIPE));
  return Errno{EPIPE};
}

Status check_writable_mount(const fs::Path &path) {
  if (path.mount && path.mount->is_read_only())
    return Errno{EROFS};
  return Done{};
}

Status drop_set_id(Call &call, fs::Inode &inode) {
  if (inode.type() != S_IFREG)
    return Done{};
  const fs::Attributes now = TINE_TRY(inode.permissions());
  if (call.thread.credentials.capable_towards(now.uid, now.gid, CAP_FSETID))
    return Done{};
  const u32 mode = now.mode;
  // Linux 6.2: members of the group keep a set-group-ID bit that doesn't make the file a program.
  const bool drops_group = (mode & S_IXGRP) != 0 || !call.thread.credentials.in_group(now.gid);
  const u32 kept = mode & ~u32{S_ISUID} & ~(drops_group ? u32{S_ISGID} : 0U);
  return kept != mode ? inode.change({.mode = kept & 07777U}) : Status(Done{});
}

Result<memory::IoBuffer> read_iovec(Call &call, GuestAddress address, i64 count) {
  if (count < 0 || count > UIO_MAXIOV)
    return Errno{EINVAL};
  std::vector<iovec> vectors(static_cast<std::size_t>(count));
  TINE_TRY(call.memory.read(address, std::as_writable_bytes(std::span(vectors))));
  std::vector<memory::IoBuffer::Range> ranges;
  u64 total = 0;
  for (const iovec &vector : vectors) {
    if (vector.iov_len > SSIZE_MAX || total + vector.iov_len > SSIZE_MAX)
      return Errno{EINVAL};
    total += vector.iov_len;
    if (vector.iov_len != 0)
      ranges.push_back({GuestAddress{reinterpret_cast<u64>(vector.iov_base)}, vector.iov_len});
  }
  memory::IoBuffer buffer(call.memory, std::move(ranges));
  buffer.truncate(transfer_limit);
  return buffer;
}

Result<Nanoseconds> to_nanoseconds(const timespec &time) {
  constexpr i64 second = 1'000'000'000;
  if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= second)
    return Errno{EINVAL};
  if (time.tv_sec > (i64{1} << 62) / second)
    return Nanoseconds{i64{1} << 62};
  return time.tv_sec * second + time.tv_nsec;
}

} // namespace tine::syscall
