// rep movs and rep stos where the whole of it lies within one run of each side.
#include "cpu/emitter.hpp"
#include "cpu/vcpu_context.hpp"

#include <algorithm>
#include <utility>

namespace tine::cpu {
namespace {
constexpr u8 condition_above = 7;

/// log2 of an element's bytes.
u8 element_shift(const Instruction &instruction) {
  if ((instruction.bytes[instruction.opcode_offset] & 1) == 0)
    return 0;
  if (instruction.rex & 8)
    return 3;
  return instruction.operand_size_prefix ? 1 : 2;
}
} // namespace

bool Emitter::has_string_fast_path(const Instruction &instruction) const {
  const auto is_segment = [](u8 prefix) { return prefix == 0x64 || prefix == 0x65; };
  return !leaves_after_one() && (instruction.repeat || instruction.repeat_not_equal) &&
         !instruction.address_size_prefix &&
         std::none_of(instruction.bytes, instruction.bytes + instruction.prefix_length, is_segment);
}

/// r10 = host minus guest address for rcx elements from `pointer` on, if one run holds them (and
/// seven bytes more). The displacements of the jumps for when not.
std::array<u8 *, 2> Emitter::emit_string_lookup(u8 pointer, bool write, u8 shift) {
  const u32 tlb = write ? CONTEXT_TLB_WRITE : CONTEXT_TLB_READ;
  hot_.move(r10, pointer);
  emit_entry_of_r10();
  hot_.context_indexed(0x2b, r10, r11, tlb + entry_start);  // sub
  hot_.context_indexed(0x3b, r10, r11, tlb + entry_limit8); // cmp
  u8 *const miss = hot_.jump_condition_unresolved(Assembler::condition_above_equal);
  hot_.context_indexed(0x2b, r10, r11, tlb + entry_limit8); // sub
  hot_.raw({{0x49, 0xf7, 0xda}});                           // neg r10
  hot_.raw({{0x49, 0xc1, 0xea}});                           // shr r10, ...
  hot_.byte(shift);
  hot_.raw({{0x4c, 0x39, 0xd1}}); // cmp rcx, r10
  u8 *const too_long = hot_.jump_condition_unresolved(condition_above);
  hot_.context_indexed(0x8b, r10, r11, tlb + entry_host);
  hot_.context_indexed(0x2b, r10, r11, tlb + entry_start); // sub
  return {miss, too_long};
}

/// What doesn't go the fast way (a fault, another run, the direction flag) is C++'s.
void Emitter::emit_string(const Instruction &instruction, bool save_flags, u16 live_after) {
  const bool moves = (instruction.bytes[instruction.opcode_offset] & 0xfe) == 0xa4;
  const u8 shift = element_shift(instruction);
  if (save_flags)
    save_flags_to_context();
  std::array<u8 *, 5> slow{};
  std::size_t count = 0;
  hot_.compare_context_byte_zero(CONTEXT_DIRECTION_DOWN);
  slow[count++] = hot_.jump_condition_unresolved(Assembler::condition_not_equal);
  if (moves) {
    for (u8 *const jump : emit_string_lookup(rsi, false, shift))
      slow[count++] = jump;
    hot_.store_context(CONTEXT_SPILL_VALUE, r10);
  }
  for (u8 *const jump : emit_string_lookup(rdi, true, shift))
    slow[count++] = jump;
  if (moves)
    hot_.context_absolute(0x03, rsi, CONTEXT_SPILL_VALUE); // add
  hot_.lea_sum(rdi, rdi, r10);
  hot_.raw(instruction.bytes, instruction.length);
  hot_.raw({{0x4c, 0x29, 0xd7}}); // sub rdi, r10
  if (moves)
    hot_.context_absolute(0x2b, rsi, CONTEXT_SPILL_VALUE); // sub
  const bool saved = flags_saved_;
  std::swap(hot_, cold_);
  for (std::size_t i = 0; i < count; ++i)
    Assembler::resolve(slow[i], hot_.position());
  emit_exit(thunks_.helper, instruction, 0);
  std::swap(hot_, cold_);
  flags_saved_ = saved;
  emit_jump_to(instruction.next_pc(), false, live_after);
}

} // namespace tine::cpu
