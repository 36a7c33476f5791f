#include "fs/pipe.hpp"

#include "fs/ioctl.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fcntl.h>
#include <poll.h>

namespace tine::fs {
namespace {

u64 next_pipe_number() {
  static u64 number = 4096;
  return ++number;
}

} // namespace

void Pipe::allocate() {
  if (ring_.empty())
    ring_.resize(capacity_);
}

std::pair<std::span<const std::byte>, std::span<const std::byte>> Pipe::contents() const {
  const u64 first = std::min(used_, capacity_ - start_);
  const std::span<const std::byte> ring(ring_);
  if (used_ == 0)
    return {};
  return {ring.subspan(start_, first), ring.subspan(0, used_ - first)};
}

void Pipe::consume(u64 count) {
  const bool was_full = room() < atomic_limit;
  start_ = (start_ + count) & (capacity_ - 1);
  used_ -= count;
  if (used_ == 0)
    start_ = 0; // a pipe that is emptied each time stays in the same few cache lines
  if (was_full && room() >= atomic_limit)
    writable.wake_all();
}

Result<u64> Pipe::peek(memory::IoBuffer &to) const {
  const auto [first, second] = contents();
  u64 done = TINE_TRY(to.copy_out(first));
  if (done == first.size() && !second.empty()) {
    const Result<u64> more = to.copy_out(second);
    done += more ? *more : 0;
  }
  return done;
}

Result<u64> Pipe::read(memory::IoBuffer &to) {
  if (to.remaining() == 0)
    return u64{0};
  if (used_ == 0) {
    if (writers + admitted_writers == 0)
      return u64{0};
    return Errno{EAGAIN};
  }
  const u64 count = TINE_TRY(peek(to));
  consume(count);
  return count;
}

Result<u64> Pipe::write(memory::IoBuffer &from) {
  if (readers + admitted_readers == 0)
    return Errno{EPIPE};
  u64 left = from.remaining();
  if (left == 0)
    return u64{0};
  if (room() == 0 || (left <= atomic_limit && room() < left))
    return Errno{EAGAIN};
  allocate();
  left = std::min(left, room());
  u64 done = 0;
  while (done < left) {
    const u64 end = (start_ + used_) & (capacity_ - 1);
    const u64 piece = std::min(left - done, capacity_ - end);
    const Result<u64> copied = from.copy_in(std::span(ring_).subspan(end, piece));
    if (!copied) {
      if (done == 0)
        return copied.error();
      break;
    }
    used_ += *copied;
    done += *copied;
    if (*copied < piece)
      break;
  }
  readable.wake_all();
  return done;
}

/// fifo(7): what nobody can read any more is gone when the FIFO is opened again.
void Pipe::forget_if_unused() {
  if (readers == 0 && writers == 0 && admitted_readers == 0 && admitted_writers == 0)
    consume(used_);
}

Result<u64> Pipe::set_capacity(u64 bytes) {
  if (bytes > (u64{1} << 31))
    return Errno{EINVAL};
  const u64 wanted = std::bit_ceil(std::max(bytes, page_size));
  if (wanted > largest_capacity)
    return Errno{EPERM};
  if (wanted < used_)
    return Errno{EBUSY};
  if (!ring_.empty()) {
    std::vector<std::byte> ring(wanted);
    const auto [first, second] = contents();
    std::copy(first.begin(), first.end(), ring.begin());
    std::copy(second.begin(), second.end(),
              ring.begin() + static_cast<std::ptrdiff_t>(first.size()));
    ring_ = std::move(ring);
  }
  start_ = 0;
  capacity_ = wanted;
  writable.wake_all();
  return wanted;
}

PipeFile::PipeFile(Ref<Pipe> pipe, u32 flags, const Path &place)
    : File(flags), pipe_(std::move(pipe)), place_(place), writers_at_open_(pipe_->writers_ever) {
  if (is_readable()) {
    ++pipe_->readers;
    pipe_->writable.wake_all();
  }
  if (is_writable()) {
    ++pipe_->writers;
    ++pipe_->writers_ever;
    pipe_->readable.wake_all();
  }
}

PipeFile::~PipeFile() {
  if (is_readable())
    --pipe_->readers;
  if (is_writable())
    --pipe_->writers;
  pipe_->forget_if_unused();
  pipe_->readable.wake_all();
  pipe_->writable.wake_all();
}

Result<u64> PipeFile::read(memory::IoBuffer &to) {
  if (!is_readable())
    return Errno{EBADF};
  return pipe_->read(to);
}

Result<u64> PipeFile::write(memory::IoBuffer &from) {
  if (!is_writable())
    return Errno{EBADF};
  return pipe_->write(from);
}

u32 PipeFile::poll() {
  u32 events = 0;
  if (is_readable()) {
    if (pipe_->used() > 0)
      events |= POLLIN | POLLRDNORM;
    // "POLLHUP ... the peer closed its end": not before a first writer has come.
    if (pipe_->writers == 0 && (!place_ || pipe_->writers_ever != writers_at_open_))
      events |= POLLHUP;
  }
  if (is_writable()) {
    if (pipe_->room() >= Pipe::atomic_limit)
      events |= POLLOUT | POLLWRNORM;
    if (pipe_->readers == 0)
      events |= POLLERR;
  }
  return events;
}

sched::WaitQueue *PipeFile::wait_queue() {
  return is_readable() ? &pipe_->readable : &pipe_->writable;
}

Result<struct stat> PipeFile::stat() {
  if (place_)
    return File::stat();
  struct stat status {};
  status.st_dev = 14;
  status.st_ino = pipe_->number();
  status.st_mode = S_IFIFO | 0600;
  status.st_nlink = 1;
  status.st_blksize = 4096;
  return status;
}

Result<u64> PipeFile::ioctl(const IoctlCall &call) {
  if (call.request != FIONREAD)
    return Errno{ENOTTY};
  return put_int(call, static_cast<int>(pipe_->used()));
}

Ref<Inode> PipeFile::inode() {
  return place_ ? place_.dentry->inode() : Ref<Inode>();
}

std::string PipeFile::description() {
  if (place_)
    return path_name(place_, {});
  return std::string("pipe:[").append(std::to_string(pipe_->number())).append("]");
}

const Path *PipeFile::place() const {
  return place_ ? &place_ : nullptr;
}

Result<Ref<File>> PipeFile::reopen(u32 flags) {
  return Ref<File>(make_ref<PipeFile>(pipe_, flags, place_));
}

u64 Pipe::number() {
  if (number_ == 0)
    number_ = next_pipe_number();
  return number_;
}

PipeEnds make_pipe(u32 flags) {
  const Ref<Pipe> pipe = make_ref<Pipe>();
  return {make_ref<PipeFile>(pipe, flags | O_RDONLY, Path{}),
          make_ref<PipeFile>(pipe, flags | O_WRONLY, Path{})};
}

Result<Ref<File>> open_fifo(const Ref<Pipe> &pipe, const Path &path, u32 flags) {
  const u32 mode = flags & O_ACCMODE;
  const bool nonblocking = (flags & O_NONBLOCK) != 0;
  // A thread whose open waits for the other end is on an opening queue.
  const u32 waiting_readers = static_cast<u32>(pipe->opening_readers.size());
  const u32 waiting_writers = static_cast<u32>(pipe->opening_writers.size());
  if (mode == O_RDONLY && !nonblocking) {
    if (pipe->admitted_readers > 0)
      --pipe->admitted_readers;
    else if (pipe->writers == 0 && waiting_writers == 0)
      return Errno{EAGAIN};
  }
  if (mode == O_WRONLY) {
    if (!nonblocking && pipe->admitted_writers > 0)
      --pipe->admitted_writers;
    else if (pipe->readers == 0 && waiting_readers == 0)
      return Errno{nonblocking ? ENXIO : EAGAIN};
  }
  Ref<File> file = make_ref<PipeFile>(pipe, flags, path);
  if (mode != O_RDONLY && waiting_readers > 0) {
    pipe->admitted_readers = waiting_readers;
    pipe->opening_readers.wake_all();
  }
  if (mode != O_WRONLY && waiting_writers > 0) {
    pipe->admitted_writers = waiting_writers;
    pipe->opening_writers.wake_all();
  }
  return file;
}

} // namespace tine::fs
