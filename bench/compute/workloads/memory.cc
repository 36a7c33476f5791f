// What the C library does with whole blocks: memcpy of a megabyte, memset, strlen, memchr, memcmp.
#include <cstdio>
#include <cstring>
#include <vector>

int main() {
  std::vector<char> from(1 << 20, 'a'), to(1 << 20);
  from.back() = 0;
  std::size_t sum = 0;
  for (int round = 0; round < 1500; ++round) {
    from[static_cast<std::size_t>(round) * 64] = static_cast<char>('a' + round % 26);
    std::memcpy(to.data(), from.data(), from.size());
    sum += std::strlen(to.data() + round);
    sum += std::memcmp(to.data(), from.data(), from.size()) == 0;
    const void *found = std::memchr(to.data(), 0, to.size());
    sum += static_cast<std::size_t>(static_cast<const char *>(found) - to.data());
    if (round % 8 == 0)
      std::memset(to.data(), round, to.size());
  }
  std::printf("%zu\n", sum);
}
