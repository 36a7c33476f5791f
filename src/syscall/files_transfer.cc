// Bytes from one descriptor to another: sendfile, copy_file_range, splice, tee, vmsplice. Always by
// copying: a page that a pipe kept a reference to would be a second way to write to it (FORK.md,
// "How copy-on-write has gone wrong elsewhere", 1).
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"

#include "fs/inotify.hpp"
#include "fs/pipe.hpp"
#include "process/signals.hpp"

#include <algorithm>
#include <fcntl.h>
#include <poll.h>

namespace tine::syscall {
namespace {

using fs::File;
using memory::IoBuffer;

constexpr u64 chunk_size = u64{64} << 10;

/// A descriptor with the offset that an argument gives it, if any. The offset lives in a slot of
/// the call's scratch while the call blocks.
class Side {
public:
  static Result<Side> open(Call &call, int fd, GuestAddress offset_address,
                           Errno if_negative = Errno{EINVAL}) {
    Side side;
    side.file = TINE_TRY(file_of(call, fd));
    side.pipe_ = ref_cast<fs::PipeFile>(side.file);
    side.address_ = offset_address;
    if (offset_address.is_null())
      return side;
    if (side.pipe_)
      return Errno{ESPIPE};
    const i64 offset = TINE_TRY(call.memory.read_object<i64>(offset_address));
    if (offset < 0)
      return if_negative;
    side.offset_ = static_cast<u64>(offset);
    return side;
  }

  [[nodiscard]] fs::Pipe *pipe() const { return pipe_ ? &pipe_->pipe() : nullptr; }
  [[nodiscard]] u64 offset() const { return address_.is_null() ? file->offset : offset_; }
  void advance(u64 count) { (address_.is_null() ? file->offset : offset_) += count; }
  /// Bytes from the side's position, which stays.
  Result<u64> peek(std::span<std::byte> to) const {
    IoBuffer buffer(to);
    return file->read_at(buffer, offset());
  }
  /// Writes at the side's position, which advances.
  Result<u64> write(std::span<const std::byte> from) {
    IoBuffer buffer(from);
    if (address_.is_null())
      return file->write(buffer);
    const u64 count = TINE_TRY(file->write_at(buffer, offset_));
    offset_ += count;
    return count;
  }
  Status store(Call &call) const {
    if (address_.is_null())
      return Done{};
    return call.memory.write_object(address_, static_cast<i64>(offset_));
  }

  Ref<File> file;

private:
  Ref<fs::PipeFile> pipe_;
  GuestAddress address_;
  u64 offset_ = 0;
};

/// From a seekable file to anything, at most `count` bytes; stops early where it would block.
Result<u64> copy_from_file(Side &from, Side &to, u64 count) {
  std::vector<std::byte> chunk(std::min(count, chunk_size));
  u64 done = 0;
  while (done < count) {
    const auto piece = std::span(chunk).first(std::min(count - done, chunk.size()));
    const Result<u64> read = from.peek(piece);
    if (!read || *read == 0)
      return done > 0 ? Result<u64>(done) : read;
    const Result<u64> written = to.write(piece.first(*read));
    if (!written)
      return done > 0 ? Result<u64>(done) : written;
    from.advance(*written);
    done += *written;
    if (*written < *read)
      break;
  }
  return done;
}

Result<u64> copy_from_pipe(fs::Pipe &from, Side &to, u64 count) {
  u64 done = 0;
  while (done < count) {
    const auto contents = from.contents().first;
    if (contents.empty())
      break;
    const Result<u64> written =
        to.write(contents.first(std::min<u64>(count - done, contents.size())));
    if (!written)
      return done > 0 ? Result<u64>(done) : written;
    from.consume(*written);
    done += *written;
    if (*written == 0)
      break;
  }
  return done;
}

/// From a terminal, a socket or the like into a pipe: no more than there is room for.
Result<u64> copy_from_stream(Side &from, fs::Pipe &to, Side &to_side, u64 count) {
  std::vector<std::byte> chunk(std::min({count, chunk_size, to.room()}));
  if (chunk.empty())
    return Errno{EAGAIN};
  IoBuffer buffer{std::span<std::byte>(chunk)};
  const u64 read = TINE_TRY(from.file->read(buffer));
  return read == 0 ? Result<u64>(read) : to_side.write(std::span(chunk).first(read));
}

bool is_regular(const Side &side) {
  const Ref<fs::Inode> inode = side.file->inode();
  return inode && inode->type() == S_IFREG;
}

/// It can be read at a position without waiting: a file, or a device of memory.
bool is_seekable(const Side &side) {
  return is_regular(side) || (side.file->inode() && !side.file->wait_queue());
}

/// Linux's memfds are all on one file system, which is mounted nowhere.
bool on_one_file_system(const Side &one, const Side &other) {
  const auto is_memfd = [](const Side &side) {
    const fs::Path *place = side.file->place();
    return place != nullptr && place->mount && place->mount->id == 0;
  };
  return &one.file->inode()->file_system() == &other.file->inode()->file_system() ||
         (is_memfd(one) && is_memfd(other));
}

/// RLIMIT_FSIZE for what is to be written to a side: fewer bytes, or SIGXFSZ and EFBIG.
Result<u64> limited(Call &call, const Side &to, u64 count) {
  const u64 limit = call.process.limits[RLIMIT_FSIZE].current;
  if (limit == RLIM_INFINITY || !is_regular(to) || count == 0)
    return count;
  if (to.offset() < limit)
    return std::min(count, limit - to.offset());
  process::send_signal(call.thread, process::kernel_signal(SIGXFSZ));
  return Errno{EFBIG};
}

/// The end of a try: bytes, an error, or sleep until the side that blocked can go on.
SyscallResult finish(Call &call, const Result<u64> &result, const Side &from, const Side &to,
                     bool nonblocking) {
  if (result) {
    TINE_TRY(from.store(call));
    TINE_TRY(to.store(call));
    if (*result != 0) {
      fs::notify(*from.file, IN_ACCESS);
      fs::notify(*to.file, IN_MODIFY);
    }
    return *result;
  }
  if (result.error() == Errno{EPIPE})
    return broken_pipe(call);
  if (result.error() != Errno{EAGAIN} || nonblocking)
    return result.error();
  if (to.file->wait_queue() && (to.file->poll() & POLLOUT) == 0)
    return wait_for_file(call, *to.file, POLLOUT);
  if (from.file->wait_queue())
    return wait_for_file(call, *from.file, POLLIN);
  return result.error();
}

} // namespace

SyscallResult sys_sendfile(Call &call, int out_fd, int in_fd, GuestAddress offset, u64 count) {
  Side from = TINE_TRY(Side::open(call, in_fd, offset));
  Side to = TINE_TRY(Side::open(call, out_fd, {}));
  if (!from.file->is_readable() || !to.file->is_writable())
    return Errno{EBADF};
  if (!is_seekable(from) || !from.file->can_splice(File::Splice::from) ||
      !to.file->can_splice(File::Splice::to) || (to.file->status_flags() & O_APPEND) != 0)
    return Errno{EINVAL};
  count = TINE_TRY(limited(call, to, std::min(count, transfer_limit)));
  const Result<u64> result = copy_from_file(from, to, count);
  return finish(call, result, from, to, to.file->is_nonblocking());
}

SyscallResult sys_copy_file_range(Call &call, int in_fd, GuestAddress in_offset, int out_fd,
                                  GuestAddress out_offset, u64 count, u64 flags) {
  if (flags != 0)
    return Errno{EINVAL};
  Side from = TINE_TRY(Side::open(call, in_fd, in_offset, Errno{EOVERFLOW}));
  Side to = TINE_TRY(Side::open(call, out_fd, out_offset, Errno{EOVERFLOW}));
  for (const Side *side : {&from, &to})
    if (side->file->inode() && side->file->inode()->is_directory())
      return Errno{EISDIR};
  if (!is_regular(from) || !is_regular(to))
    return Errno{EINVAL};
  if (!from.file->is_readable() || !to.file->is_writable() ||
      (to.file->status_flags() & O_APPEND) != 0)
    return Errno{EBADF};
  // "EXDEV: the files … are not on the same filesystem", and not of one type that copies across.
  if (!on_one_file_system(from, to))
    return Errno{EXDEV};
  if (from.offset() + count < from.offset() || to.offset() + count < to.offset())
    return Errno{EOVERFLOW};
  const u64 source_size = TINE_TRY(from.file->inode()->attributes()).size;
  count = std::min({count, transfer_limit, source_size - std::min(source_size, from.offset())});
  if (count == 0)
    return 0;
  constexpr u64 largest_offset = ~u64{0} >> 1;
  if (to.offset() >= largest_offset)
    return Errno{EFBIG};
  count = TINE_TRY(limited(call, to, count));
  const u64 distance =
      from.offset() > to.offset() ? from.offset() - to.offset() : to.offset() - from.offset();
  if (from.file->inode() == to.file->inode() && distance < count)
    return Errno{EINVAL};
  return finish(call, copy_from_file(from, to, count), from, to, true);
}

namespace {

constexpr u64 splice_flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;

/// An empty pipe is the end of the file without writers.
Result<u64> splice_once(Side &from, Side &to, u64 count) {
  if (fs::Pipe *pipe = from.pipe()) {
    if (pipe->used() == 0)
      return pipe->writers == 0 ? Result<u64>(u64{0}) : Errno{EAGAIN};
    if (to.pipe() && to.pipe()->room() == 0 && to.pipe()->readers > 0)
      return Errno{EAGAIN};
    if (to.pipe() && to.pipe()->readers > 0)
      count = std::min(count, to.pipe()->room());
    return copy_from_pipe(*pipe, to, count);
  }
  fs::Pipe &pipe = *to.pipe();
  if (pipe.readers == 0)
    return Errno{EPIPE};
  if (pipe.room() == 0)
    return Errno{EAGAIN};
  count = std::min(count, pipe.room());
  return is_seekable(from) ? copy_from_file(from, to, count)
                           : copy_from_stream(from, pipe, to, count);
}

} // namespace

SyscallResult sys_splice(Call &call, int in_fd, GuestAddress in_offset, int out_fd,
                         GuestAddress out_offset, u64 count, u64 flags) {
  if ((flags & ~splice_flags) != 0)
    return Errno{EINVAL};
  if (count == 0)
    return 0;
  Side from = TINE_TRY(Side::open(call, in_fd, in_offset));
  Side to = TINE_TRY(Side::open(call, out_fd, out_offset));
  if (!from.file->is_readable() || !to.file->is_writable())
    return Errno{EBADF};
  if (!from.pipe() && !to.pipe())
    return Errno{EINVAL};
  if ((from.pipe() && from.pipe() == to.pipe()) ||
      (!to.pipe() && (to.file->status_flags() & O_APPEND) != 0))
    return Errno{EINVAL};
  if (!from.file->can_splice(File::Splice::from) || !to.file->can_splice(File::Splice::to))
    return Errno{EINVAL};
  if (!to.pipe())
    count = TINE_TRY(limited(call, to, count));
  const bool nonblocking =
      (flags & SPLICE_F_NONBLOCK) != 0 || from.file->is_nonblocking() || to.file->is_nonblocking();
  return finish(call, splice_once(from, to, std::min(count, transfer_limit)), from, to,
                nonblocking);
}

SyscallResult sys_tee(Call &call, int in_fd, int out_fd, u64 count, u64 flags) {
  if ((flags & ~splice_flags) != 0)
    return Errno{EINVAL};
  const Side from = TINE_TRY(Side::open(call, in_fd, {}));
  const Side to = TINE_TRY(Side::open(call, out_fd, {}));
  if (!from.file->is_readable() || !to.file->is_writable())
    return Errno{EBADF};
  if (!from.pipe() || !to.pipe() || from.pipe() == to.pipe())
    return Errno{EINVAL};
  const bool nonblocking = (flags & SPLICE_F_NONBLOCK) != 0;
  Result<u64> result = Errno{EAGAIN};
  if (to.pipe()->readers == 0) {
    result = Errno{EPIPE};
  } else if (from.pipe()->used() == 0 && from.pipe()->writers == 0) {
    result = u64{0};
  } else if (from.pipe()->used() > 0 && to.pipe()->room() > 0) {
    std::vector<std::byte> bytes(std::min({count, from.pipe()->used(), to.pipe()->room()}));
    IoBuffer into{std::span<std::byte>(bytes)};
    TINE_TRY(from.pipe()->peek(into));
    IoBuffer out{std::span<const std::byte>(bytes)};
    result = to.pipe()->write(out);
  }
  return finish(call, result, from, to, nonblocking);
}

SyscallResult sys_vmsplice(Call &call, int fd, GuestAddress vectors, int count, u64 flags) {
  if ((flags & ~splice_flags) != 0)
    return Errno{EINVAL};
  const Ref<File> file = TINE_TRY(file_of(call, fd));
  if (!ref_cast<fs::PipeFile>(file))
    return Errno{EBADF};
  if (file->is_writable())
    return sys_writev(call, fd, vectors, count);
  return sys_readv(call, fd, vectors, count);
}

} // namespace tine::syscall
