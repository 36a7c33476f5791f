// Which memory operands of a block one lookup can serve.
#pragma once

#include "cpu/decode.hpp"
#include "cpu/translate.hpp"

#include <array>
#include <bitset>
#include <span>

namespace tine::cpu {

/// Operands of a block with the same base and index, whose registers nothing changes between them:
/// they lie at known distances from each other, within as many bytes as one lookup can check.
struct OperandGroup {
  u8 base = no_register, index = no_register, scale = 0;
  bool write = false; ///< one of them is written
  i32 low = 0;        ///< the lowest displacement
  u16 span = 0;       ///< bytes from there to the end of the highest operand
  u16 members = 0;
};

struct GroupPlan {
  static constexpr std::size_t most_groups = 8;
  static constexpr u8 no_group = 0xff;
  /// By instruction. A group has two members or more.
  std::array<u8, most_instructions> group_of{};
  std::array<OperandGroup, most_groups> groups{};
};

/// Instructions in `covered` have their check already.
[[nodiscard]] GroupPlan plan_groups(std::span<const Instruction> instructions,
                                    const std::bitset<most_instructions> &covered);

} // namespace tine::cpu
