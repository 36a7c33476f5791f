// read, write and their kin; open and close.
#include "syscall/descriptors_signals.hpp"
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"
#include "syscall/socket_support.hpp"

#include "fs/inotify.hpp"
#include "process/signals.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/uio.h>

namespace tine::syscall {
namespace {

using fs::File;
using memory::IoBuffer;

constexpr i64 no_offset = -1;

/// Sleeps until the file can go on; of a socket, at most for SO_RCVTIMEO or SO_SNDTIMEO, then
/// EAGAIN.
SyscallResult wait_until_ready(Call &call, File &file, u32 events) {
  auto *socket = dynamic_cast<net::Socket *>(&file);
  if (socket == nullptr)
    return wait_for_file(call, file, events);
  const net::SocketOptions &options = socket->options();
  return wait_for(call, *socket, nullptr, events,
                  events == POLLIN ? options.receive_timeout : options.send_timeout);
}

/// write(2) raises SIGPIPE for pipes and streams; a datagram socket only says EPIPE.
bool raises_broken_pipe(const File &file) {
  const auto *socket = dynamic_cast<const net::Socket *>(&file);
  return socket == nullptr || socket->is_stream();
}

SyscallResult read_file(Call &call, int fd, IoBuffer buffer, i64 offset) {
  const Ref<File> file = TINE_TRY(file_of(call, fd));
  if (!file->is_readable())
    return Errno{EBADF};
  const Result<u64> count =
      offset == no_offset ? file->read(buffer) : file->read_at(buffer, static_cast<u64>(offset));
  if (!count && count.error() == Errno{EAGAIN} && !file->is_nonblocking() && file->wait_queue())
    return wait_until_ready(call, *file, POLLIN);
  if (!count && is_tried_again(count.error()))
    return blocked();
  if (count) {
    call.process.transfers.read_bytes += *count;
    ++call.process.transfers.read_calls;
    if (*count != 0)
      fs::notify(*file, IN_ACCESS);
  }
  return count;
}

/// RLIMIT_FSIZE: "an attempt to extend a file beyond this limit results in delivery of a SIGXFSZ
/// signal ... the call fails with the error EFBIG".
Status check_file_size(Call &call, File &file, IoBuffer &buffer, i64 given_offset) {
  const u64 limit = call.process.limits[RLIMIT_FSIZE].current;
  if (limit == RLIM_INFINITY)
    return Done{};
  const Ref<fs::Inode> inode = file.inode();
  if (!inode || inode->type() != S_IFREG)
    return Done{};
  u64 offset = given_offset == no_offset ? file.offset : static_cast<u64>(given_offset);
  if ((file.status_flags() & O_APPEND) != 0)
    offset = TINE_TRY(inode->attributes()).size;
  if (offset >= limit && buffer.remaining() > 0) {
    process::send_signal(call.thread, process::kernel_signal(SIGXFSZ));
    return Errno{EFBIG};
  }
  buffer.truncate(limit - std::min(limit, offset));
  return Done{};
}

Result<u64> write_at_position(File &file, IoBuffer &buffer, u64 offset) {
  return file.write_at(buffer, TINE_TRY(file.write_position(offset)));
}

/// A blocking write returns when all bytes are written; what the earlier tries wrote is in
/// `progress`.
SyscallResult write_file(Call &call, int fd, IoBuffer buffer, i64 offset) {
  const Ref<File> file = TINE_TRY(file_of(call, fd));
  if (!file->is_writable())
    return Errno{EBADF};
  TINE_TRY(check_file_size(call, *file, buffer, offset));
  if (const Ref<fs::Inode> inode = file->inode(); inode && buffer.remaining() != 0)
    TINE_TRY(drop_set_id(call, *inode));
  u64 &progress = call.state().progress;
  if (progress > 0)
    buffer.advance(progress);
  for (;;) {
    const Result<u64> count =
        offset == no_offset ? file->write(buffer)
                            : write_at_position(*file, buffer, static_cast<u64>(offset) + progress);
    if (count) {
      call.process.transfers.write_calls += progress == 0 ? 1U : 0U;
      progress += *count;
      call.process.transfers.written_bytes += *count;
      if (*count != 0)
        fs::notify(*file, IN_MODIFY);
      if (buffer.remaining() == 0 || *count == 0 || !file->wait_queue())
        return progress;
      continue;
    }
    if (count.error() == Errno{EAGAIN} && !file->is_nonblocking() && file->wait_queue()) {
      const SyscallResult waiting = wait_until_ready(call, *file, POLLOUT);
      if (waiting.kind() == SyscallResult::Kind::blocked || progress == 0)
        return waiting;
      return progress;
    }
    if (is_tried_again(count.error()))
      return blocked();
    if (count.error() == Errno{EPIPE} && raises_broken_pipe(*file))
      (void)broken_pipe(call);
    if (progress > 0)
      return progress;
    return count.error();
  }
}

IoBuffer plain_buffer(Call &call, GuestAddress address, u64 count) {
  IoBuffer buffer(call.memory, address, count);
  buffer.truncate(transfer_limit);
  return buffer;
}

/// RWF_* of preadv2 and pwritev2. NOWAIT on a file that could block is EAGAIN anyway.
Status check_flags(u64 flags) {
  constexpr u64 known = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND;
  return (flags & ~known) != 0 ? Errno{EOPNOTSUPP} : Status(Done{});
}

} // namespace

SyscallResult sys_read(Call &call, int fd, GuestAddress address, u64 count) {
  return read_file(call, fd, plain_buffer(call, address, count), no_offset);
}

SyscallResult sys_write(Call &call, int fd, GuestAddress address, u64 count) {
  return write_file(call, fd, plain_buffer(call, address, count), no_offset);
}

SyscallResult sys_pread64(Call &call, int fd, GuestAddress address, u64 count, i64 offset) {
  if (offset < 0)
    return Errno{EINVAL};
  return read_file(call, fd, plain_buffer(call, address, count), offset);
}

SyscallResult sys_pwrite64(Call &call, int fd, GuestAddress address, u64 count, i64 offset) {
  if (offset < 0)
    return Errno{EINVAL};
  return write_file(call, fd, plain_buffer(call, address, count), offset);
}

SyscallResult sys_readv(Call &call, int fd, GuestAddress vectors, int count) {
  TINE_TRY(file_of(call, fd));
  return read_file(call, fd, TINE_TRY(read_iovec(call, vectors, count)), no_offset);
}

SyscallResult sys_writev(Call &call, int fd, GuestAddress vectors, int count) {
  TINE_TRY(file_of(call, fd));
  return write_file(call, fd, TINE_TRY(read_iovec(call, vectors, count)), no_offset);
}

SyscallResult sys_preadv(Call &call, int fd, GuestAddress vectors, int count, i64 offset) {
  if (offset < 0)
    return Errno{EINVAL};
  TINE_TRY(file_of(call, fd));
  return read_file(call, fd, TINE_TRY(read_iovec(call, vectors, count)), offset);
}

SyscallResult sys_pwritev(Call &call, int fd, GuestAddress vectors, int count, i64 offset) {
  if (offset < 0)
    return Errno{EINVAL};
  TINE_TRY(file_of(call, fd));
  return write_file(call, fd, TINE_TRY(read_iovec(call, vectors, count)), offset);
}

SyscallResult sys_preadv2(Call &call, int fd, GuestAddress vectors, int count, i64 offset, i64,
                          u64 flags) {
  TINE_TRY(check_flags(flags));
  if (offset == -1)
    return sys_readv(call, fd, vectors, count);
  return sys_preadv(call, fd, vectors, count, offset);
}

SyscallResult sys_pwritev2(Call &call, int fd, GuestAddress vectors, int count, i64 offset, i64,
                           u64 flags) {
  TINE_TRY(check_flags(flags));
  if (offset == -1)
    return sys_writev(call, fd, vectors, count);
  return sys_pwritev(call, fd, vectors, count, offset);
}

SyscallResult sys_lseek(Call &call, int fd, i64 offset, int whence) {
  return TINE_TRY(file_of(call, fd))->seek(offset, whence);
}

namespace {

SyscallResult open_at(Call &call, int directory, GuestAddress address,
                      const fs::OpenOptions &options) {
  const std::string path = TINE_TRY(read_path(call, address));
  const fs::Path start = TINE_TRY(start_of(call, directory, path));
  const auto &context = *call.thread.fs;
  const Result<Ref<File>> file =
      fs::open_resolving(context, call.thread.credentials, start, path, options);
  if (file)
    return install_file(call, *file, (options.flags & O_CLOEXEC) != 0);
  if (file.error() != Errno{EAGAIN} || (options.flags & O_NONBLOCK) != 0)
    return file.error();
  const fs::Path place = TINE_TRY(fs::lookup(context, call.thread.credentials, start, path, {}));
  if (const auto waits = wait_for_leases(call, *place.dentry->inode()))
    return *waits;
  // A FIFO whose other end nobody has opened.
  sched::WaitQueue *queue = place.dentry->inode()->open_wait_queue(options.flags);
  if (!queue)
    return file.error();
  call.thread.wait_on(*queue);
  return blocked();
}

} // namespace

SyscallResult sys_open(Call &call, GuestAddress path, u32 flags, u32 mode) {
  return open_at(call, AT_FDCWD, path, {flags, mode, 0});
}

SyscallResult sys_openat(Call &call, int directory, GuestAddress path, u32 flags, u32 mode) {
  return open_at(call, directory, path, {flags, mode, 0});
}

SyscallResult sys_creat(Call &call, GuestAddress path, u32 mode) {
  return open_at(call, AT_FDCWD, path, {O_CREAT | O_WRONLY | O_TRUNC, mode, 0});
}

SyscallResult sys_openat2(Call &call, int directory, GuestAddress path, GuestAddress address,
                          u64 size) {
  if (size < sizeof(open_how))
    return Errno{EINVAL};
  if (size > page_size)
    return Errno{E2BIG};
  std::vector<std::byte> bytes(size);
  TINE_TRY(call.memory.read(address, bytes));
  open_how how{};
  std::memcpy(&how, bytes.data(), sizeof how);
  for (std::size_t index = sizeof how; index < size; ++index)
    if (bytes[index] != std::byte{0})
      return Errno{E2BIG};
  constexpr u64 known_resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
                                RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;
  constexpr u64 both = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
  constexpr u64 creating = O_CREAT | (O_TMPFILE & ~O_DIRECTORY);
  const bool has_mode = (how.flags & creating) != 0;
  if ((how.resolve & ~known_resolve) != 0 || (how.resolve & both) == both ||
      (how.flags >> 32) != 0 || (how.mode & ~u64{07777}) != 0 || (!has_mode && how.mode != 0))
    return Errno{EINVAL};
  // openat2(2): "O_PATH was specified with flags other than O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW".
  constexpr u64 with_path = O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;
  if ((how.flags & O_PATH) != 0 && (how.flags & ~with_path) != 0)
    return Errno{EINVAL};
  return open_at(
      call, directory, path,
      {static_cast<u32>(how.flags), static_cast<u32>(how.mode), static_cast<u32>(how.resolve)});
}

SyscallResult sys_close(Call &call, int fd) {
  return call.thread.files->close(fd);
}

} // namespace tine::syscall
