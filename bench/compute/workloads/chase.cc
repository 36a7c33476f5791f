// Pointer chase through a random cycle. The argument is the number of kilobytes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char **argv) {
  const std::size_t kilobytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 16;
  const std::size_t steps = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 100'000'000;
  constexpr std::size_t line = 64 / sizeof(std::size_t);
  const std::size_t count = kilobytes * 1024 / 64;
  std::vector<std::size_t> order(count), next(count * line);
  for (std::size_t i = 0; i < count; ++i)
    order[i] = i;
  std::uint64_t state = 99;
  for (std::size_t i = count - 1; i > 0; --i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    std::swap(order[i], order[(state >> 33) % (i + 1)]);
  }
  for (std::size_t i = 0; i < count; ++i)
    next[order[i] * line] = order[(i + 1) % count] * line;
  std::size_t at = 0;
  for (std::size_t i = 0; i < steps; ++i)
    at = next[at];
  std::printf("%zu\n", at);
}
