#include "encoding.hpp"

#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

namespace tine::test {

u64 base_seed() {
  static const u64 seed = [] {
    const char *given = std::getenv("TINE_SEED");
    u64 value = 0;
    if (given)
      value = std::strtoull(given, nullptr, 0);
    else {
      timespec now;
      clock_gettime(CLOCK_REALTIME, &now);
      value = Random(static_cast<u64>(now.tv_sec) * 1'000'000'000 + static_cast<u64>(now.tv_nsec))
                  .next();
    }
    fmt::print("TINE_SEED={:#x}\n", value);
    return value;
  }();
  return seed;
}

namespace {

/// The register and memory fields of an instruction, before they are spread over REX or VEX, ModRM
/// and SIB.
struct Fields {
  u8 reg = 0;   ///< four bits
  u8 rm = 0;    ///< four bits: register, or base
  u8 index = 4; ///< four bits; 4 is none
  u8 scale = 0;
  u8 mod = 3;
  bool sib = false;
  bool no_base = false; ///< SIB without base: disp32
  bool rip_relative = false;
};

Fields draw_fields(Random &random, const AddressForms &forms) {
  Fields fields;
  fields.reg = static_cast<u8>(random.below(16));
  if (random.percent(40)) {
    fields.rm = static_cast<u8>(random.below(16));
    return fields;
  }
  fields.mod = static_cast<u8>(random.below(3));
  if (forms.without_base && random.percent(12)) {
    fields.mod = 0;
    fields.rip_relative = random.percent(50);
    fields.no_base = !fields.rip_relative;
    fields.rm = 5;
    fields.sib = fields.no_base;
    if (fields.sib && random.percent(60)) {
      fields.index = random.pick<u8>(forms.indexes);
      fields.scale = static_cast<u8>(random.below(4));
    }
    return fields;
  }
  fields.rm = random.pick<u8>(forms.bases);
  fields.sib = (fields.rm & 7) == 4 || random.percent(45);
  if (fields.sib && random.percent(80)) {
    fields.index = random.pick<u8>(forms.indexes);
    fields.scale = static_cast<u8>(random.below(4));
  }
  if ((fields.rm & 7) == 5 && fields.mod == 0)
    fields.mod = 1; // rbp and r13 have no form without displacement
  return fields;
}

void append_operands(std::vector<u8> &bytes, const Fields &fields, Random &random) {
  const u8 low_rm = fields.sib ? 4 : fields.rm & 7;
  bytes.push_back(static_cast<u8>(fields.mod << 6 | (fields.reg & 7) << 3 | low_rm));
  if (fields.mod == 3)
    return;
  if (fields.sib)
    bytes.push_back(static_cast<u8>(fields.scale << 6 | (fields.index & 7) << 3 | (fields.rm & 7)));
  if (fields.mod == 1) {
    bytes.push_back(
        static_cast<u8>(random.percent(80) ? random.between(-64, 64) : random.between(-128, 127)));
  } else if (fields.mod == 2 || fields.rip_relative || fields.no_base) {
    const auto displacement = static_cast<i32>(random.between(-2048, 2048));
    const std::size_t at = bytes.size();
    bytes.resize(at + 4);
    std::memcpy(&bytes[at], &displacement, 4);
  }
}

// What compiled code consists of; 0x0f00 and up are two-byte opcodes.
constexpr u16 common_opcodes[] = {
    0x00,   0x01,   0x02,   0x03,   0x09,   0x0b,   0x10,   0x11,   0x12,   0x13,   0x18,   0x19,
    0x1a,   0x1b,   0x21,   0x23,   0x28,   0x29,   0x2a,   0x2b,   0x31,   0x33,   0x38,   0x39,
    0x3a,   0x3b,   0x63,   0x69,   0x6b,   0x80,   0x81,   0x83,   0x83,   0x84,   0x85,   0x86,
    0x87,   0x88,   0x89,   0x89,   0x8a,   0x8b,   0x8b,   0x8b,   0x8d,   0x98,   0x99,   0x9e,
    0x9f,   0xa8,   0xa9,   0xb8,   0xb9,   0xba,   0xc0,   0xc1,   0xc6,   0xc7,   0xd0,   0xd1,
    0xd2,   0xd3,   0xf5,   0xf6,   0xf7,   0xf8,   0xf9,   0xfe,   0xff,   0x50,   0x51,   0x57,
    0x58,   0x5a,   0x5f,   0x9c,   0x0f10, 0x0f11, 0x0f28, 0x0f29, 0x0f2a, 0x0f2c, 0x0f2e, 0x0f42,
    0x0f44, 0x0f45, 0x0f4c, 0x0f4f, 0x0f54, 0x0f57, 0x0f58, 0x0f59, 0x0f5c, 0x0f5e, 0x0f6e, 0x0f6f,
    0x0f70, 0x0f74, 0x0f7e, 0x0f7f, 0x0f92, 0x0f94, 0x0f95, 0x0f9c, 0x0f9f, 0x0fa3, 0x0fa4, 0x0fac,
    0x0faf, 0x0fb0, 0x0fb1, 0x0fb3, 0x0fb6, 0x0fb7, 0x0fba, 0x0fbb, 0x0fbc, 0x0fbd, 0x0fbe, 0x0fbf,
    0x0fc0, 0x0fc1, 0x0fc8, 0x0fd4, 0x0fd6, 0x0fd7, 0x0fda, 0x0feb, 0x0fef, 0x0ffe};

void append_common(std::vector<u8> &bytes, const Fields &fields, Random &random) {
  const u16 opcode = random.pick<u16>(common_opcodes);
  if (fields.mod != 3 && random.percent(8))
    bytes.push_back(0xf0);
  if (random.percent(opcode >= 0x0f00 ? 25 : 10))
    bytes.push_back(0x66);
  if (opcode >= 0x0f00 && random.percent(25))
    bytes.push_back(random.percent(50) ? 0xf2 : 0xf3);
  const u8 rex = static_cast<u8>(0x40 | (random.percent(50) ? 8 : 0) | (fields.reg & 8) >> 1 |
                                 (fields.index & 8) >> 2 | (fields.rm & 8) >> 3);
  if (rex != 0x40 || random.percent(10))
    bytes.push_back(rex);
  if (opcode >= 0x0f00)
    bytes.push_back(0x0f);
  bytes.push_back(static_cast<u8>(opcode));
}

void append_legacy(std::vector<u8> &bytes, const Fields &fields, Random &random, bool segments) {
  const bool memory = fields.mod != 3;
  if (segments && random.percent(5))
    bytes.push_back(random.percent(50) ? 0x64 : 0x65);
  else if (random.percent(2))
    bytes.push_back(random.percent(50) ? 0x2e : 0x3e);
  if (segments && random.percent(6))
    bytes.push_back(0x67);
  if (memory && random.percent(12))
    bytes.push_back(0xf0);
  if (random.percent(25))
    bytes.push_back(0x66);
  if (random.percent(28))
    bytes.push_back(random.percent(50) ? 0xf2 : 0xf3);
  const u8 rex = static_cast<u8>(0x40 | (random.percent(50) ? 8 : 0) | (fields.reg & 8) >> 1 |
                                 (fields.index & 8) >> 2 | (fields.rm & 8) >> 3);
  if (rex != 0x40 || random.percent(20))
    bytes.push_back(rex);
  const u64 map = random.below(100);
  if (map >= 42)
    bytes.push_back(0x0f);
  if (map >= 80)
    bytes.push_back(map >= 92 ? 0x3a : 0x38);
  bytes.push_back(random.byte());
}

void append_vex(std::vector<u8> &bytes, const Fields &fields, Random &random, bool segments) {
  if (segments && random.percent(4))
    bytes.push_back(random.percent(50) ? 0x64 : 0x65);
  if (segments && random.percent(5))
    bytes.push_back(0x67);
  const u8 not_r = fields.reg & 8 ? 0 : 0x80;
  const u8 not_x = fields.index & 8 ? 0 : 0x40;
  const u8 not_b = fields.rm & 8 ? 0 : 0x20;
  const u8 vvvv = static_cast<u8>(random.percent(70) ? random.below(16) << 3 : 0x78);
  const u8 low = static_cast<u8>(vvvv | random.below(8)); // L and pp
  const u64 map = random.below(10);
  if (map < 2 && not_x && not_b) {
    bytes.push_back(0xc5);
    bytes.push_back(static_cast<u8>(not_r | low));
  } else {
    const u8 number = map < 4 ? 1 : map < 8 ? 2 : 3;
    bytes.push_back(0xc4);
    bytes.push_back(static_cast<u8>(not_r | not_x | not_b | number));
    bytes.push_back(static_cast<u8>((random.percent(40) ? 0x80 : 0) | low));
  }
  bytes.push_back(random.byte());
}

} // namespace

std::optional<Instruction> draw_instruction(Random &random, const AddressForms &forms) {
  const Fields fields = draw_fields(random, forms);
  Instruction instruction;
  instruction.bytes.reserve(32);
  if (random.percent(forms.common_percent))
    append_common(instruction.bytes, fields, random);
  else if (random.percent(70))
    append_legacy(instruction.bytes, fields, random, forms.without_base);
  else
    append_vex(instruction.bytes, fields, random, forms.without_base);
  append_operands(instruction.bytes, fields, random);
  for (int i = 0; i < 8; ++i) // immediates, of whatever size
    instruction.bytes.push_back(random.percent(70) ? random.byte()
                                                   : static_cast<u8>(random.below(4)));
  if (!decode(instruction.bytes, instruction.decoded) || !may_be_generated(instruction.decoded))
    return std::nullopt;
  instruction.bytes.resize(instruction.decoded.length());
  return instruction;
}

Displacement displacement_of(const Instruction &instruction) {
  const auto &raw = instruction.decoded.instruction.raw;
  return {raw.disp.offset, raw.disp.size / 8u};
}

void set_displacement(Instruction &instruction, i64 value) {
  const Displacement place = displacement_of(instruction);
  std::memcpy(&instruction.bytes[place.offset], &value, place.size);
  if (!decode(instruction.bytes, instruction.decoded))
    std::abort(); // a displacement is any number
}

} // namespace tine::test
