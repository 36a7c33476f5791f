// std::sort of a million integers, several times.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

int main() {
  std::uint64_t sum = 0, state = 12345;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::uint32_t> values(1'000'000);
    for (std::uint32_t &value : values) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      value = static_cast<std::uint32_t>(state >> 33);
    }
    std::sort(values.begin(), values.end());
    for (std::size_t i = 0; i < values.size(); i += 1000)
      sum = sum * 31 + values[i];
  }
  std::printf("%016llx\n", static_cast<unsigned long long>(sum));
}
