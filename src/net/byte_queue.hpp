// Bytes on their way from one end of a connection to the other.
#pragma once

#include "base/archive.hpp"
#include "memory/io_buffer.hpp"

#include <deque>
#include <vector>

namespace tine::net {

/// A queue of bytes. Invariant: no chunk is empty; size() is the sum of what is unread.
class ByteQueue {
public:
  ByteQueue() = default;
  ByteQueue(const ByteQueue &) = default;
  ByteQueue &operator=(const ByteQueue &) = default;

  [[nodiscard]] u64 size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// Takes at most `limit` bytes from `from`. EFAULT if not even one could be read.
  [[nodiscard]] Result<u64> append(memory::IoBuffer &from, u64 limit);
  /// Copies as much as fits into `to`; removes it unless `peek`.
  [[nodiscard]] Result<u64> take(memory::IoBuffer &to, bool peek);
  /// Removes at most `count` bytes unread (MSG_TRUNC of tcp(7)); how many.
  u64 discard(u64 count);
  void clear();
  void archive(Archive &archive);

private:
  std::deque<std::vector<std::byte>> chunks_;
  u64 consumed_ = 0; ///< of the first chunk
  u64 size_ = 0;
};

} // namespace tine::net
