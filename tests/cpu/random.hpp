// Reproducible randomness: everything that a generator draws comes from one seed.
#pragma once

#include "base/types.hpp"

#include <span>

namespace tine::test {

/// SplitMix64.
class Random {
public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    u64 z = state_ += 0x9e37'79b9'7f4a'7c15;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
  }
  u64 below(u64 limit) { return next() % limit; }
  /// In [low, high].
  i64 between(i64 low, i64 high) {
    return low + static_cast<i64>(below(static_cast<u64>(high - low) + 1));
  }
  bool percent(u64 chance) { return below(100) < chance; }
  u8 byte() { return static_cast<u8>(next()); }
  template <typename T> const T &pick(std::span<const T> values) {
    return values[below(values.size())];
  }
  /// A value of the kinds that find mistakes: small, all ones, powers of two, sign edges, anything.
  u64 interesting() {
    switch (below(8)) {
    case 0:
      return below(16);
    case 1:
      return ~below(16);
    case 2:
      return u64{1} << below(64);
    case 3:
      return (u64{1} << below(64)) - 1;
    case 4:
      return static_cast<u64>(static_cast<i64>(static_cast<i32>(next())));
    case 5:
      return next() & 0xffff'ffff;
    default:
      return next();
    }
  }

private:
  u64 state_;
};

/// TINE_SEED, or a fresh one; printed once by whoever asks first.
[[nodiscard]] u64 base_seed();

} // namespace tine::test
