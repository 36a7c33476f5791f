#include "daemon/output_log.hpp"

#include <algorithm>

namespace tine::daemon {
namespace {

/// Small pieces are put together up to this size; what is dropped is dropped in such pieces.
constexpr std::size_t chunk_size = 4096;

} // namespace

void OutputLog::append(LogStream stream, std::string_view bytes) {
  while (!bytes.empty()) {
    if (chunks_.empty() || chunks_.back().stream != stream ||
        chunks_.back().bytes.size() >= chunk_size)
      chunks_.push_back({stream, end_, {}});
    std::string &last = chunks_.back().bytes;
    const std::size_t count = std::min(bytes.size(), chunk_size - last.size());
    last.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    end_ += count;
    while (end_ - begin_ > limit_) {
      begin_ += chunks_.front().bytes.size();
      chunks_.pop_front();
    }
  }
}

u64 OutputLog::room_after(u64 offset) const {
  const u64 kept_for_sure = limit_ - std::min<u64>(limit_, chunk_size);
  return kept_for_sure - std::min(kept_for_sure, end_ - offset);
}

std::optional<OutputLog::Piece> OutputLog::piece_at(u64 offset) const {
  offset = std::max(offset, begin_);
  if (offset >= end_)
    return std::nullopt;
  const auto after =
      std::upper_bound(chunks_.begin(), chunks_.end(), offset,
                       [](u64 wanted, const Chunk &chunk) { return wanted < chunk.start; });
  const Chunk &chunk = *std::prev(after);
  return Piece{chunk.stream, std::string_view(chunk.bytes).substr(offset - chunk.start),
               chunk.start + chunk.bytes.size()};
}

u64 OutputLog::tail(u64 lines) const {
  u64 found = 0;
  for (auto chunk = chunks_.rbegin(); chunk != chunks_.rend(); ++chunk)
    for (std::size_t index = chunk->bytes.size(); index > 0; --index) {
      const u64 offset = chunk->start + index;
      // The newline at the very end ends the last line.
      if (chunk->bytes[index - 1] == '\n' && offset != end_ && ++found == lines)
        return offset;
    }
  return lines == 0 ? end_ : begin_;
}

} // namespace tine::daemon
