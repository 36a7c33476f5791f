#include "memory/io_buffer.hpp"

#include <algorithm>
#include <cstring>

namespace tine::memory {

IoBuffer::IoBuffer(AddressSpace &space, std::vector<Range> ranges)
    : space_(&space), ranges_(std::move(ranges)) {
  for (const Range &range : ranges_)
    remaining_ += range.length;
}

IoBuffer::IoBuffer(std::span<std::byte> bytes) : kernel_(bytes.data()), remaining_(bytes.size()) {}

// Only copy_in and window(Access::read) are used on such a buffer.
IoBuffer::IoBuffer(std::span<const std::byte> bytes)
    : kernel_(const_cast<std::byte *>(bytes.data())), remaining_(bytes.size()) {}

Result<std::span<std::byte>> IoBuffer::window(Access access, u64 limit) {
  limit = std::min(limit, remaining_);
  if (limit == 0)
    return std::span<std::byte>();
  if (!space_)
    return std::span(kernel_, limit);
  while (offset_ == ranges_[index_].length) {
    ++index_;
    offset_ = 0;
  }
  const Range &range = ranges_[index_];
  return space_->window(range.address + offset_, std::min(limit, range.length - offset_), access);
}

void IoBuffer::advance(u64 count) {
  count = std::min(count, remaining_);
  remaining_ -= count;
  transferred_ += count;
  if (!space_) {
    kernel_ += count;
    return;
  }
  while (count > 0) {
    const u64 step = std::min(count, ranges_[index_].length - offset_);
    count -= step;
    offset_ += step;
    if (count > 0) {
      ++index_;
      offset_ = 0;
    }
  }
}

void IoBuffer::truncate(u64 limit) {
  remaining_ = std::min(remaining_, limit);
}

namespace {
/// Calls use(piece) for up to `count` bytes of the buffer; the bytes used. A fault after the first
/// byte ends it short.
template <typename Use>
Result<u64> for_pieces(IoBuffer &buffer, Access access, u64 count, Use &&use) {
  u64 done = 0;
  count = std::min(count, buffer.remaining());
  while (done < count) {
    const auto piece = buffer.window(access, count - done);
    if (!piece) {
      if (done > 0)
        break;
      return piece.error();
    }
    use(*piece, done);
    done += piece->size();
    buffer.advance(piece->size());
  }
  return done;
}
} // namespace

Result<u64> IoBuffer::copy_out(std::span<const std::byte> from) {
  return for_pieces(*this, Access::write, from.size(), [&](std::span<std::byte> piece, u64 done) {
    std::memcpy(piece.data(), from.data() + done, piece.size());
  });
}

Result<u64> IoBuffer::copy_in(std::span<std::byte> to) {
  return for_pieces(*this, Access::read, to.size(), [&](std::span<std::byte> piece, u64 done) {
    std::memcpy(to.data() + done, piece.data(), piece.size());
  });
}

Result<u64> IoBuffer::fill_zero(u64 count) {
  return for_pieces(*this, Access::write, count, [](std::span<std::byte> piece, u64) {
    std::memset(piece.data(), 0, piece.size());
  });
}

} // namespace tine::memory
