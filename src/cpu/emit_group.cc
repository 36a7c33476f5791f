// Memory operands that share a lookup: see OperandGroup.
#include "cpu/emitter.hpp"
#include "cpu/vcpu_context.hpp"

#include <utility>

namespace tine::cpu {

/// Before the group's first member: r10 = host address of its lowest byte, kept in the context for
/// the others. If the range isn't in the TLB C++ looks whether it can be; else, and from then on,
/// the block's variant without groups runs, from this instruction on.
void Emitter::emit_group_check(const Instruction &instruction, u8 number) {
  const OperandGroup &group = groups_->groups[number];
  const u32 tlb = group.write ? CONTEXT_TLB_WRITE : CONTEXT_TLB_READ;
  const bool large = group.span > 8;
  const u8 *const check = hot_.position();
  if (group.low == 0 && group.index == no_register) {
    hot_.move(r10, group.base);
  } else {
    const bool extended = group.index != no_register && group.index >= 8;
    hot_.byte(0x4cU | (extended ? 2U : 0U) | (group.base >= 8 ? 1U : 0U));
    hot_.byte(0x8d); // lea
    emit_operand({group.base, group.index, group.scale, group.low}, (r10 & 7U) << 3);
  }
  emit_entry_of_r10();
  hot_.context_indexed(0x2b, r10, r11, tlb + entry_start);                            // sub
  hot_.context_indexed(0x3b, r10, r11, tlb + (large ? entry_limit64 : entry_limit8)); // cmp
  u8 *const miss = hot_.jump_condition_unresolved(Assembler::condition_above_equal);
  const u8 *const hit = hot_.position();
  hot_.context_indexed(0x03, r10, r11, tlb + entry_host); // add
  hot_.store_context(CONTEXT_GROUP_POINTERS + 8U * number, r10);

  Assembler::resolve(miss, cold_.position());
  emit_exact_check(tlb, group.span, hit);
  Site site;
  site.base = group.base;
  site.index = group.index;
  site.scale = group.scale;
  site.write = group.write;
  site.low = group.low;
  site.size = group.span;
  emit_range_exit(instruction, site, emit_variant_jump(), check);
}

bool Emitter::keeps_r10(const Instruction &instruction) const {
  const bool copied =
      instruction.kind == InstructionKind::plain || instruction.kind == InstructionKind::lea;
  return in_group_ || instruction.kind == InstructionKind::nop ||
         (copied && instruction.data_reads == 0 && instruction.data_writes == 0 &&
          instruction.memory.base != r10 && instruction.memory.index != r10);
}

void Emitter::emit_group_memory(const Instruction &instruction, bool save_flags, u16 live_after) {
  const u8 number = groups_->group_of[index_ - 1];
  if (!(checked_groups_ & 1U << number)) {
    if (save_flags)
      save_flags_to_context();
    emit_group_check(instruction, number);
    checked_groups_ |= static_cast<u8>(1U << number);
  } else if (r10_group_ != number) {
    hot_.load_context(r10, CONTEXT_GROUP_POINTERS + 8U * number);
  }
  r10_group_ = number;
  if (needs_flags(instruction, live_after))
    restore_flags_from_context();
  emit_patched(instruction, {r10, no_register, 0,
                             instruction.memory.displacement - groups_->groups[number].low});
}

} // namespace tine::cpu
