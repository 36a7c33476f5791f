// What decode() has learnt of a form must be what Zydis says of each of its instructions.
#include "cpu/decode.hpp"
#include "cpu/decode_templates.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <iomanip>
#include <iterator>
#include <random>
#include <sstream>
#include <vector>

namespace tine::cpu::test {
namespace {

std::string text(std::span<const u8> bytes) {
  std::ostringstream out;
  for (const u8 byte : bytes.first(15))
    out << std::hex << std::setw(2) << std::setfill('0') << unsigned{byte} << ' ';
  return out.str();
}

/// At least 15 bytes. Whether a template may have been used.
bool compare(std::span<const u8> bytes, u64 pc) {
  Instruction fast, exact;
  const bool fast_ok = decode(bytes, pc, fast), exact_ok = decode_by_zydis(bytes, pc, exact);
  EXPECT_EQ(fast_ok, exact_ok) << text(bytes);
  if (exact_ok) {
    EXPECT_TRUE(fast == exact) << text(bytes) << "lengths " << unsigned{fast.length} << ' '
                               << unsigned{exact.length} << " kinds "
                               << static_cast<unsigned>(fast.kind) << ' '
                               << static_cast<unsigned>(exact.kind);
  }
  return layout_of(bytes).has_value();
}

TEST(Decode, AgreesWithZydisOnRandomBytes) {
  std::mt19937_64 random(20261124);
  std::array<u8, 16> bytes{};
  unsigned by_template = 0;
  for (int i = 0; i < 400000 && !::testing::Test::HasFailure(); ++i) {
    for (u8 &byte : bytes)
      byte = static_cast<u8>(random());
    // Half of them begin with what compilers write: prefixes, REX, the two-byte opcodes.
    std::size_t at = 0;
    if (i % 2 != 0) {
      for (const u8 prefix : {u8{0x66}, u8{0xf3}, u8{0xf2}})
        if (random() % 8 == 0)
          bytes[at++] = prefix;
      if (random() % 2 == 0)
        bytes[at++] = static_cast<u8>(0x40 | random() % 16);
      if (random() % 3 == 0)
        bytes[at] = 0x0f;
    }
    by_template += compare(bytes, random()) ? 1 : 0;
  }
  EXPECT_GT(by_template, 100000U);
}

/// From each byte of real code on, so that most of what is decoded is no compiler's.
TEST(Decode, AgreesWithZydisOnRealCode) {
  for (const char *path : {"/proc/self/exe", "/lib/x86_64-linux-gnu/libc.so.6"}) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> contents{std::istreambuf_iterator<char>(file), {}};
    ASSERT_GT(contents.size(), 100000U) << path;
    const std::span bytes(reinterpret_cast<const u8 *>(contents.data()), contents.size());
    const std::size_t last = std::min<std::size_t>(bytes.size() - 15, 900000);
    for (std::size_t at = 200000; at < last && !::testing::Test::HasFailure(); ++at)
      compare(bytes.subspan(at), 0x400000 + at);
  }
}

TEST(Decode, StopsWhereTheBytesDo) {
  const std::vector<u8> instruction{0x48, 0x8b, 0x84, 0x24, 0x78, 0x56, 0x34, 0x12};
  Instruction out;
  for (std::size_t size = 0; size < instruction.size(); ++size)
    EXPECT_FALSE(decode(std::span(instruction).first(size), 0, out)) << size;
  EXPECT_TRUE(decode(instruction, 0, out));
  EXPECT_EQ(out.length, 8);
  EXPECT_EQ(out.memory.displacement, 0x12345678);
}

} // namespace
} // namespace tine::cpu::test
