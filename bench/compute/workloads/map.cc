// std::map: red-black tree, allocation, unpredictable branches.
#include <cstdint>
#include <cstdio>
#include <map>

int main() {
  std::map<std::uint32_t, std::uint32_t> map;
  std::uint64_t state = 1, sum = 0;
  const auto next = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state >> 40);
  };
  for (int round = 0; round < 350'000; ++round) {
    map[next() % 100'000] += 1;
    const auto found = map.find(next() % 100'000);
    if (found != map.end())
      sum += found->second;
    if (round % 5 == 0)
      map.erase(next() % 100'000);
  }
  for (const auto &[key, value] : map)
    sum = sum * 31 + key + value;
  std::printf("%zu %016llx\n", map.size(), static_cast<unsigned long long>(sum));
}
