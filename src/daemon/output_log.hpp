// What a box has written to its standard output and error, the latest of it.
#pragma once

#include "base/types.hpp"

#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace tine::daemon {

enum class LogStream : u8 { output, error };

/// Invariant: holds the bytes [begin(), end()) of all that was ever appended, never more than the
/// limit, in the order in which they came.
class OutputLog {
public:
  explicit OutputLog(u64 limit) : limit_(limit) {}

  void append(LogStream stream, std::string_view bytes);
  /// Bytes that can be appended after `offset` before what is at it may be dropped.
  [[nodiscard]] u64 room_after(u64 offset) const;
  [[nodiscard]] u64 begin() const { return begin_; }
  [[nodiscard]] u64 end() const { return end_; }
  /// Bytes of one stream from `offset` on, or from begin() if that is later; nothing at the end.
  struct Piece {
    LogStream stream;
    std::string_view bytes;
    u64 end; ///< where the next piece begins
  };
  [[nodiscard]] std::optional<Piece> piece_at(u64 offset) const;
  /// Where the last `lines` lines begin.
  [[nodiscard]] u64 tail(u64 lines) const;

private:
  struct Chunk {
    LogStream stream;
    u64 start;
    std::string bytes;
  };

  u64 limit_;
  u64 begin_ = 0, end_ = 0;
  std::deque<Chunk> chunks_;
};

} // namespace tine::daemon
