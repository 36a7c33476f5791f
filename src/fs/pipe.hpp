// Pipes and FIFOs.
#pragma once

#include "fs/plain_files.hpp"

#include <vector>

namespace tine::fs {

/// The bytes between the ends. Written bytes of up to PIPE_BUF are never mixed with others'.
/// Invariant: used_ <= capacity; counts of ends are those of the PipeFile objects. Guarded by the
/// kernel lock.
class Pipe final : public RefCounted {
public:
  static constexpr u64 default_capacity = 65536;
  static constexpr u64 largest_capacity = 1048576; // /proc/sys/fs/pipe-max-size
  static constexpr u64 atomic_limit = 4096;        // PIPE_BUF

  /// EAGAIN while it is empty and there are writers.
  [[nodiscard]] Result<u64> read(memory::IoBuffer &to);
  /// EAGAIN while there is no room, EPIPE without readers.
  [[nodiscard]] Result<u64> write(memory::IoBuffer &from);
  /// Copies without consuming (tee).
  [[nodiscard]] Result<u64> peek(memory::IoBuffer &to) const;

  [[nodiscard]] u64 used() const { return used_; }
  [[nodiscard]] u64 capacity() const { return capacity_; }
  [[nodiscard]] u64 room() const { return capacity_ - used_; }
  /// F_SETPIPE_SZ: rounded up to a power of two of pages. EBUSY if what it holds doesn't fit.
  [[nodiscard]] Result<u64> set_capacity(u64 bytes);
  /// The next `count` bytes as at most two pieces.
  [[nodiscard]] std::pair<std::span<const std::byte>, std::span<const std::byte>> contents() const;
  void consume(u64 count);
  void forget_if_unused();
  /// The pipe in the copy of a box: the same contents; the ends count themselves when they are
  /// copied.
  [[nodiscard]] Result<Ref<Pipe>> copy(Copier &copier) const;
  /// st_ino of a pipe without a name.
  [[nodiscard]] u64 number();

  u32 readers = 0, writers = 0;
  u64 writers_ever = 0;
  sched::WaitQueue readable, writable;
  /// FIFOs: those whose open waits for the other end, and how many of them may go on though the
  /// other end is gone again. Those count as ends already: what is written before they come is for
  /// them.
  sched::WaitQueue opening_readers, opening_writers;
  u32 admitted_readers = 0, admitted_writers = 0;
  /// 0, 1, 2: the other end is the host program's (box/host_pipe.hpp), and this is the box's
  /// standard input, output or error; -1: both ends are the box's.
  int standard_stream = -1;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, Pipe *saved);
  void archive_body(Archive &archive);

private:
  void allocate();

  std::vector<std::byte> ring_; ///< empty until the first write
  u64 capacity_ = default_capacity;
  u64 start_ = 0;
  u64 used_ = 0;
  u64 number_ = 0;
};

/// An end of a pipe, or both (O_RDWR on a FIFO).
class PipeFile final : public File {
public:
  /// `place`: of a FIFO; an empty one for pipe(2).
  PipeFile(Ref<Pipe> pipe, u32 flags, const Path &place);
  ~PipeFile() override;

  [[nodiscard]] Result<u64> read(memory::IoBuffer &to) override;
  [[nodiscard]] Result<u64> write(memory::IoBuffer &from) override;
  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override;
  [[nodiscard]] bool tells_readiness() const override { return true; }
  [[nodiscard]] Result<struct stat> stat() override;
  [[nodiscard]] Result<u64> ioctl(const IoctlCall &call) override;
  [[nodiscard]] Ref<Inode> inode() override;
  [[nodiscard]] std::string description() override;
  [[nodiscard]] const Path *place() const override;
  [[nodiscard]] Result<Ref<File>> reopen(u32 flags) override;
  [[nodiscard]] Pipe &pipe() { return *pipe_; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, PipeFile *saved);

private:
  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;

  Ref<Pipe> pipe_;
  Path place_;
  u64 writers_at_open_;
};

struct PipeEnds {
  Ref<File> reader, writer;
};
[[nodiscard]] PipeEnds make_pipe(u32 flags);
/// open(2) of a FIFO: EAGAIN if it must wait for the other end (see Inode::open_wait_queue), ENXIO
/// for O_WRONLY | O_NONBLOCK without a reader.
[[nodiscard]] Result<Ref<File>> open_fifo(const Ref<Pipe> &pipe, const Path &path, u32 flags);

} // namespace tine::fs
