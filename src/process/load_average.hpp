// /proc/loadavg: how many threads ran or wanted to, on average over 1, 5 and 15 minutes.
#pragma once

#include "base/archive.hpp"
#include "base/types.hpp"

#include <array>

namespace tine::process {

/// Linux's calc_load: every five seconds each average moves towards the number of threads that run
/// or are runnable (a thread that sleeps uninterruptibly, which Linux counts too, is none here).
/// A box that is idle isn't woken for it: what was missed counts as idle.
class LoadAverage {
public:
  explicit LoadAverage(Nanoseconds now) : sampled_(now) {}
  /// Whether it is time for a sample.
  [[nodiscard]] bool is_due(Nanoseconds now) const { return now - sampled_ >= period; }
  void sample(Nanoseconds now, u64 active);
  /// Of a saved box.
  void archive(Archive &archive);
  /// Thousandths.
  [[nodiscard]] std::array<u64, 3> averages(Nanoseconds now) const;

private:
  static constexpr Nanoseconds period = 5'000'000'000;
  [[nodiscard]] static std::array<double, 3> moved(const std::array<double, 3> &from, i64 periods,
                                                   u64 active);
  Nanoseconds sampled_;
  std::array<double, 3> averages_{};
};

} // namespace tine::process
