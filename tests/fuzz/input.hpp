// The bytes of a fuzzer's input, taken from the front: the same bytes mean the same test.
#pragma once

#include "base/types.hpp"

#include <algorithm>
#include <span>
#include <string>

namespace tine::fuzz {

class Input {
public:
  explicit Input(std::span<const u8> bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::span<const u8> rest() const { return rest_; }
  /// Zero when nothing is left; of the bytes that are there if `T` is longer.
  template <typename T> T take() {
    u64 value = 0;
    const std::span<const u8> bytes = take_bytes(sizeof(T));
    for (std::size_t i = 0; i < bytes.size(); ++i)
      value |= u64{bytes[i]} << (8 * i);
    return static_cast<T>(value);
  }
  std::span<const u8> take_bytes(std::size_t count) {
    const std::span<const u8> taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::string take_string(std::size_t count) {
    const std::span<const u8> taken = take_bytes(count);
    return {taken.begin(), taken.end()};
  }

private:
  std::span<const u8> rest_;
};

/// Ends the program where a fuzzer notices it, with a message: something that must hold does not.
[[noreturn]] void fail(const std::string &message);

inline void require(bool holds, const std::string &message) {
  if (!holds)
    fail(message);
}

} // namespace tine::fuzz

/// One test. What libFuzzer calls, and replay.cc.
extern "C" int LLVMFuzzerTestOneInput(const tine::u8 *data, std::size_t size);
