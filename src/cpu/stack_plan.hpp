// Which stack accesses of a block one check can cover.
#pragma once

#include "cpu/decode.hpp"
#include "cpu/translate.hpp"

#include <array>
#include <bitset>

namespace tine::cpu {

/// A block's accesses at known distances from the stack pointer. They are checked together against
/// the vCPU's StackWindow, before instruction `check_at`.
struct StackPlan {
  bool used = false;
  std::size_t check_at = 0;
  i32 low = 0;  ///< first byte, relative to rsp at check_at
  u32 span = 0; ///< bytes
  u8 limit = 0; ///< index into StackWindow::limits
  std::bitset<most_instructions> covered;
};

/// `live`: status flags before each instruction; the check is put where none is, if possible.
[[nodiscard]] StackPlan plan_stack(std::span<const Instruction> instructions,
                                   std::span<const u16> live);

} // namespace tine::cpu
