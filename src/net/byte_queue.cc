#include "net/byte_queue.hpp"

#include <algorithm>

namespace tine::net {
namespace {

constexpr u64 chunk_size = 65536;
constexpr u64 gather_limit = 4096; ///< small writes share a chunk up to this

} // namespace

Result<u64> ByteQueue::append(memory::IoBuffer &from, u64 limit) {
  u64 total = 0;
  while (from.remaining() != 0 && total < limit) {
    const u64 wanted = std::min({from.remaining(), limit - total, chunk_size});
    const bool gathers = !chunks_.empty() && chunks_.back().size() + wanted <= gather_limit;
    if (!gathers)
      chunks_.emplace_back();
    std::vector<std::byte> &chunk = chunks_.back();
    const u64 old_size = chunk.size();
    chunk.resize(old_size + wanted);
    const Result<u64> copied = from.copy_in(std::span(chunk).subspan(old_size));
    chunk.resize(old_size + (copied ? *copied : 0));
    if (chunk.empty())
      chunks_.pop_back();
    if (!copied)
      return total != 0 ? Result<u64>{total} : copied;
    total += *copied;
    size_ += *copied;
  }
  return total;
}

Result<u64> ByteQueue::take(memory::IoBuffer &to, bool peek) {
  u64 total = 0;
  u64 skip = consumed_;
  for (std::size_t index = 0; index < chunks_.size() && to.remaining() != 0; ++index) {
    const Result<u64> copied = to.copy_out(std::span(chunks_[index]).subspan(skip));
    if (!copied && total == 0)
      return copied;
    if (!copied)
      break;
    total += *copied;
    if (*copied < chunks_[index].size() - skip)
      break;
    skip = 0;
  }
  if (!peek)
    discard(total);
  return total;
}

u64 ByteQueue::discard(u64 count) {
  u64 left = std::min(count, size_);
  const u64 total = left;
  size_ -= total;
  while (left != 0) {
    const u64 unread = chunks_.front().size() - consumed_;
    if (left < unread) {
      consumed_ += left;
      break;
    }
    left -= unread;
    consumed_ = 0;
    chunks_.pop_front();
  }
  return total;
}

void ByteQueue::clear() {
  chunks_.clear();
  consumed_ = size_ = 0;
}

} // namespace tine::net
