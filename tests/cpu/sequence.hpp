// (b) Random programs: 5 to 60 instructions with branches both ways, calls, and memory operands
// whose addresses are known, so that most of them run to the end.
#pragma once

#include "differential.hpp"
#include "placement.hpp"

namespace tine::test {

/// A piece of code that is kept or dropped as a whole. A branch's target is another item, so that
/// items can be removed without reassembling by hand.
struct Item {
  std::vector<u8> bytes;
  /// Where a relative displacement has to be filled in; width 0: nowhere.
  u64 fix_offset = 0;
  u64 fix_width = 0;
  std::size_t target_item = 0; ///< what it is relative to: the start of this item ...
  u64 target_address = 0;      ///< ... or, if not zero, this address (a RIP-relative operand)
  u64 fix_end = 0;             ///< offset in `bytes` where that instruction ends
  bool required = false;       ///< the trap, a return: without it execution runs out of the code
};

struct Sequence {
  std::vector<Item> items; ///< the last is the trap
  u64 address = code_region.address;
  cpu::CpuState state;
  MemoryImage memory;
};

[[nodiscard]] Sequence draw_sequence(Random &random);
/// Nothing if a short branch does not reach.
[[nodiscard]] std::optional<Program> assemble(const Sequence &sequence);
/// Removes items, none of them required, as long as the two sides still disagree.
[[nodiscard]] Sequence shrink(Sequence sequence, Differential &differential);

} // namespace tine::test
