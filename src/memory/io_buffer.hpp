// Where a file's read puts bytes and its write takes them from: guest memory, through an iovec, or
// the kernel's own. Linux's iov_iter.
#pragma once

#include "memory/address_space.hpp"

#include <span>
#include <vector>

namespace tine::memory {

/// A cursor over a list of ranges. Nothing is translated before it is touched, so a call that would
/// block has no effect on guest memory.
class IoBuffer {
public:
  struct Range {
    GuestAddress address;
    u64 length = 0;
  };

  IoBuffer(AddressSpace &space, std::vector<Range> ranges);
  IoBuffer(AddressSpace &space, GuestAddress address, u64 length)
      : IoBuffer(space, std::vector<Range>{{address, length}}) {}
  /// The kernel's own memory.
  explicit IoBuffer(std::span<std::byte> bytes);
  /// The same, to be read from only (a write's source).
  explicit IoBuffer(std::span<const std::byte> bytes);

  [[nodiscard]] u64 remaining() const { return remaining_; }
  [[nodiscard]] u64 transferred() const { return transferred_; }

  /// Copies as much of `from` as fits, into the buffer, and advances; the count copied. EFAULT if
  /// not even one byte could be; a fault later ends the copy short.
  [[nodiscard]] Result<u64> copy_out(std::span<const std::byte> from);
  /// Copies from the buffer into `to`, and advances. EFAULT as above.
  [[nodiscard]] Result<u64> copy_in(std::span<std::byte> to);
  /// Zeroes `count` bytes of the buffer and advances.
  [[nodiscard]] Result<u64> fill_zero(u64 count);

  /// Direct access: the next contiguous piece, at most `limit` bytes, to be read from
  /// (Access::read) or written into (Access::write). Valid until the kernel lock is released.
  /// Follow with advance().
  [[nodiscard]] Result<std::span<std::byte>> window(Access access, u64 limit = ~u64{0});
  void advance(u64 count);
  /// Shortens what remains to at most `limit` bytes.
  void truncate(u64 limit);

private:
  AddressSpace *space_ = nullptr; ///< null: the kernel's own memory
  std::byte *kernel_ = nullptr;
  std::vector<Range> ranges_;
  std::size_t index_ = 0;
  u64 offset_ = 0;
  u64 remaining_ = 0;
  u64 transferred_ = 0;
};

} // namespace tine::memory
