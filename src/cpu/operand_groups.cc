#include "cpu/operand_groups.hpp"

#include <algorithm>

namespace tine::cpu {
namespace {
constexpr i64 longest_span = 64; ///< what a TLB entry's limit checks

bool can_join(const Instruction &instruction) {
  const MemoryOperand &memory = instruction.memory;
  const auto is_free = [](u8 reg) { return reg < 16 && reg != r10 && reg != r11; };
  return instruction.kind == InstructionKind::memory && is_free(memory.base) &&
         memory.base != rsp && (memory.index == no_register || is_free(memory.index)) &&
         memory.segment == Segment::none && !instruction.address_size_prefix &&
         !instruction.high_byte && instruction.data_reads == 0 && instruction.data_writes == 0 &&
         memory.size <= longest_span;
}

/// Takes the operand into the group if it has the same registers and lies near enough.
bool join(OperandGroup &group, const MemoryOperand &memory) {
  if (group.base != memory.base || group.index != memory.index ||
      (group.index != no_register && group.scale != memory.scale))
    return false;
  const i64 low = std::min<i64>(group.low, memory.displacement);
  const i64 end =
      std::max<i64>(i64{group.low} + group.span, i64{memory.displacement} + memory.size);
  if (end - low > longest_span)
    return false;
  group.low = static_cast<i32>(low);
  group.span = static_cast<u16>(end - low);
  group.write = group.write || memory.writes;
  ++group.members;
  return true;
}

/// Drops groups of one and numbers the rest anew.
void keep_worthwhile(std::span<const OperandGroup> groups, GroupPlan &plan) {
  std::array<u8, most_instructions> renumbered{};
  u8 count = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    renumbered[i] = GroupPlan::no_group;
    if (groups[i].members < 2 || count == GroupPlan::most_groups)
      continue;
    plan.groups[count] = groups[i];
    renumbered[i] = count++;
  }
  for (u8 &group : plan.group_of)
    if (group != GroupPlan::no_group)
      group = renumbered[group];
}
} // namespace

GroupPlan plan_groups(std::span<const Instruction> instructions,
                      const std::bitset<most_instructions> &covered) {
  GroupPlan plan;
  plan.group_of.fill(GroupPlan::no_group);
  std::array<OperandGroup, most_instructions> groups;
  std::size_t count = 0;
  std::bitset<most_instructions> open;
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    const Instruction &instruction = instructions[i];
    if (can_join(instruction) && !covered[i]) {
      const MemoryOperand &memory = instruction.memory;
      std::size_t found = 0;
      while (found < count && !(open[found] && join(groups[found], memory)))
        ++found;
      if (found == count) {
        groups[count] = {memory.base,
                         memory.index,
                         memory.scale,
                         memory.writes,
                         memory.displacement,
                         memory.size,
                         1};
        open[count++] = true;
      }
      plan.group_of[i] = static_cast<u8>(found);
    }
    for (std::size_t g = 0; g < count; ++g) {
      const u32 registers =
          1U << groups[g].base | (groups[g].index == no_register ? 0U : 1U << groups[g].index);
      if (instruction.gpr_written & registers)
        open[g] = false;
    }
  }
  keep_worthwhile(std::span(groups).first(count), plan);
  return plan;
}

} // namespace tine::cpu
