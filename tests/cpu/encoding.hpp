// Random instructions, as bytes: every opcode of the legacy and VEX maps, with random prefixes,
// ModRM and SIB. Zydis says afterwards what came out of it.
#pragma once

#include "random.hpp"
#include "zydis_facts.hpp"

#include <optional>
#include <vector>

namespace tine::test {

struct Instruction {
  std::vector<u8> bytes;
  Decoded decoded;
};

/// Which registers may form addresses.
struct AddressForms {
  std::vector<u8> bases{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  std::vector<u8> indexes{0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  bool without_base =
      true;               ///< absolute and RIP-relative forms; 32-bit and FS/GS-relative addresses
  u64 common_percent = 0; ///< how many draws take one of the opcodes that compilers emit most
};

/// An instruction that Zydis decodes and that may_be_generated; nothing if this draw gave none.
[[nodiscard]] std::optional<Instruction> draw_instruction(Random &random,
                                                          const AddressForms &forms);

/// Where the displacement of a memory operand lies in the bytes; size 0: there is none.
struct Displacement {
  u64 offset = 0;
  u64 size = 0; ///< bytes
};
[[nodiscard]] Displacement displacement_of(const Instruction &instruction);
void set_displacement(Instruction &instruction, i64 value);

} // namespace tine::test
