// Integer loop: a table-driven CRC-32 over a small buffer, many times.
#include <array>
#include <cstdint>
#include <cstdio>

int main() {
  std::array<std::uint32_t, 256> table;
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
    table[i] = value;
  }
  std::array<std::uint8_t, 65536> data;
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::uint8_t>(i * 31 + (i >> 5));
  std::uint32_t crc = ~0u;
  for (int round = 0; round < 1200; ++round)
    for (const std::uint8_t byte : data)
      crc = table[(crc ^ byte) & 0xff] ^ (crc >> 8);
  std::printf("%08x\n", ~crc);
}
