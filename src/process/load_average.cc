#include "process/load_average.hpp"

#include <cmath>

namespace tine::process {

std::array<double, 3> LoadAverage::moved(const std::array<double, 3> &from, i64 periods,
                                         u64 active) {
  constexpr double seconds[] = {60, 300, 900};
  std::array<double, 3> result{};
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double kept = std::exp(-5.0 * static_cast<double>(periods) / seconds[i]);
    result[i] = from[i] * kept + static_cast<double>(active) * (1 - kept);
  }
  return result;
}

void LoadAverage::sample(Nanoseconds now, u64 active) {
  const i64 periods = (now - sampled_) / period;
  if (periods <= 0)
    return;
  averages_ = moved(moved(averages_, periods - 1, 0), 1, active);
  sampled_ += periods * period;
}

std::array<u64, 3> LoadAverage::averages(Nanoseconds now) const {
  const std::array<double, 3> current = moved(averages_, (now - sampled_) / period, 0);
  std::array<u64, 3> result{};
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<u64>(std::lround(current[i] * 1000));
  return result;
}

} // namespace tine::process
