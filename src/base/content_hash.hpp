// A fast checksum of many bytes. Not for secrets: who wants a collision can make one.
#pragma once

#include "base/types.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

namespace tine {

/// Eight lanes, so that the multiplications overlap; each step is a bijection of its lane, so no
/// single change goes unseen.
class ContentHash {
public:
  void add(std::span<const std::byte> bytes) {
    count_ += bytes.size();
    while (bytes.size() >= sizeof lanes_) {
      std::array<u64, lane_count> words;
      std::memcpy(words.data(), bytes.data(), sizeof words);
      for (std::size_t i = 0; i < lane_count; ++i)
        lanes_[i] = (lanes_[i] ^ words[i]) * multiplier;
      bytes = bytes.subspan(sizeof words);
    }
    for (const std::byte byte : bytes)
      lanes_[0] = (lanes_[0] ^ static_cast<u64>(byte)) * multiplier;
  }
  template <typename T> void add_object(const T &object) {
    add(std::as_bytes(std::span(&object, 1)));
  }
  [[nodiscard]] u64 value() const {
    u64 result = count_;
    for (const u64 lane : lanes_) {
      result = (result ^ lane) * multiplier;
      result ^= result >> 29;
    }
    return result;
  }

private:
  static constexpr std::size_t lane_count = 8;
  static constexpr u64 multiplier = 0x9e3779b97f4a7c15ULL;
  std::array<u64, lane_count> lanes_{};
  u64 count_ = 0;
};

} // namespace tine
