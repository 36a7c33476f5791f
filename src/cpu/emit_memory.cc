// Memory operands: effective address, TLB lookup, the guest's instruction against the host pointer.
#include "cpu/emitter.hpp"
#include "cpu/vcpu_context.hpp"

namespace tine::cpu {
namespace {
/// A register that the instruction doesn't touch, to hold a pointer; never rsp or rbp, and with an
/// encoding that needs no REX.
u8 free_register(const Instruction &instruction) {
  for (u8 candidate : {rdi, rsi, rbx, rdx, rcx, rax})
    if (!(instruction.gpr_used & 1U << candidate))
      return candidate;
  return rdi;
}
} // namespace

void Emitter::emit_effective_address(const Instruction &instruction, u8 to) {
  r11_is_delta_ = false;
  const MemoryOperand &memory = instruction.memory;
  const bool narrow = instruction.address_size_prefix;
  const bool absolute = memory.base == no_register && memory.index == no_register;
  if (memory.base == rip_register || absolute) {
    const u64 displacement = static_cast<u64>(static_cast<i64>(memory.displacement));
    u64 address = absolute ? displacement : instruction.next_pc() + displacement;
    if (narrow)
      address &= 0xffffffff;
    if (memory.segment != Segment::none && !narrow && absolute) {
      hot_.load_context(to, memory.segment == Segment::fs ? CONTEXT_FS_BASE : CONTEXT_GS_BASE);
      hot_.lea(to, to, memory.displacement);
      return;
    }
    hot_.move_immediate(to, address);
  } else if (memory.index == no_register && memory.displacement == 0 && !narrow &&
             memory.base != r10 && memory.base != r11) {
    hot_.move(to, memory.base);
  } else {
    if (memory.base == r10 || memory.index == r10)
      hot_.load_context(r10, CONTEXT_R10);
    if (memory.base == r11 || memory.index == r11)
      hot_.load_context(r11, CONTEXT_R11);
    if (narrow)
      hot_.byte(0x67);
    hot_.byte(0x4cU | (memory.index >= 8 && memory.index < 16 ? 2U : 0U) |
              (memory.base >= 8 && memory.base < 16 ? 1U : 0U));
    hot_.byte(0x8d);
    hot_.byte((instruction.bytes[instruction.modrm_offset] & 0xc7U) | (to & 7U) << 3);
    hot_.raw(instruction.bytes + instruction.modrm_offset + 1,
             static_cast<std::size_t>(instruction.operand_end - instruction.modrm_offset - 1));
  }
  if (memory.segment != Segment::none) {
    const u8 other = to == r10 ? r11 : r10;
    hot_.load_context(other, memory.segment == Segment::fs ? CONTEXT_FS_BASE : CONTEXT_GS_BASE);
    hot_.lea_sum(to, to, other);
  }
}

void Emitter::emit_entry_of_r10() {
  hot_.raw({{0xc4, 0x43, 0xfb, 0xf0, 0xda,
             0x07}});             // rorx r11, r10, 7: page number times the entry's size
  hot_.raw({{0x41, 0x81, 0xe3}}); // and r11d, ...
  hot_.dword(4095U << 5);
}

void Emitter::emit_lookup(const Instruction &instruction, bool write, u16 size, bool save_flags) {
  const u32 tlb = write ? CONTEXT_TLB_WRITE : CONTEXT_TLB_READ;
  if (save_flags)
    save_flags_to_context();
  r11_is_delta_ = false;
  emit_entry_of_r10();
  hot_.context_indexed(0x2b, r10, r11, tlb + entry_start);                                // sub
  hot_.context_indexed(0x3b, r10, r11, tlb + (size <= 8 ? entry_limit8 : entry_limit64)); // cmp
  u8 *const miss = hot_.jump_condition_unresolved(Assembler::condition_above_equal);
  const u8 *const hit = hot_.position();
  hot_.context_indexed(0x03, r10, r11, tlb + entry_host); // add
  Assembler::resolve(miss, cold_.position());
  emit_lookup_stub(instruction, write, size, hit);
}

void Emitter::emit_operand_lookup(const Instruction &instruction, bool write, u16 size,
                                  bool save_flags) {
  const MemoryOperand &memory = instruction.memory;
  emit_effective_address(instruction);
  if (memory.base != rip_register || memory.segment != Segment::none ||
      instruction.address_size_prefix) {
    emit_lookup(instruction, write, size, save_flags);
    return;
  }
  const u64 address =
      instruction.next_pc() + static_cast<u64>(static_cast<i64>(memory.displacement));
  const u32 entry = static_cast<u32>((address >> page_shift) % tlb_entries * sizeof(TlbEntry));
  const u32 tlb = (write ? CONTEXT_TLB_WRITE : CONTEXT_TLB_READ) + entry;
  if (save_flags)
    save_flags_to_context();
  hot_.context_absolute(0x2b, r10, tlb + entry_start);                                // sub
  hot_.context_absolute(0x3b, r10, tlb + (size <= 8 ? entry_limit8 : entry_limit64)); // cmp
  u8 *const miss = hot_.jump_condition_unresolved(Assembler::condition_above_equal);
  const u8 *const hit = hot_.position();
  hot_.context_absolute(0x03, r10, tlb + entry_host); // add
  Assembler::resolve(miss, cold_.position());
  cold_.move_immediate(r11, entry);
  emit_lookup_stub(instruction, write, size, hit);
}

/// r10 = offset in the run, r11 = the entry.
void Emitter::emit_exact_check(u32 tlb, u16 size, const u8 *hit) {
  if (size == 8 || size == 64)
    return;
  // The limits are those of larger operands: near the run's end, ask exactly. offset + size <=
  // bytes, with bytes = limit64 + 63; what wraps around is above every limit.
  const i32 adjustment = static_cast<i32>(size) - 64;
  cold_.lea(r10, r10, adjustment);
  cold_.context_indexed(0x3b, r10, r11, tlb + entry_limit64);
  cold_.lea(r10, r10, -adjustment);
  Assembler::resolve(cold_.jump_condition_unresolved(Assembler::condition_below), hit);
}

/// r10 = offset in the run, r11 = the entry.
void Emitter::emit_lookup_stub(const Instruction &instruction, bool write, u16 size,
                               const u8 *hit) {
  const u32 tlb = write ? CONTEXT_TLB_WRITE : CONTEXT_TLB_READ;
  emit_exact_check(tlb, size, hit);
  if (flags_saved_) {
    cold_.store_context(CONTEXT_SPILL_RAX, rax);
    cold_.load_context(rax, CONTEXT_SAVED_FLAGS);
    cold_.flags_from_rax();
    cold_.load_context(rax, CONTEXT_SPILL_RAX);
  }
  cold_.store_context_dword(CONTEXT_EXIT_DATA, new_site(instruction, size, 0));
  cold_.jump(write ? thunks_.write_miss : thunks_.read_miss);
}

void Emitter::emit_stack_lookup(const Instruction &instruction, bool write, i32 displacement,
                                bool save_flags) {
  hot_.lea(r10, rsp, displacement);
  emit_lookup(instruction, write, 8, save_flags);
}

/// ModRM, SIB and displacement. As a base rsp and r12 need a SIB, rbp and r13 a displacement.
void Emitter::emit_operand(const HostOperand &operand, unsigned reg_field) {
  const bool indexed = operand.index != no_register;
  const bool sib = indexed || (operand.base & 7) == rsp;
  const bool none = operand.displacement == 0 && (operand.base & 7) != rbp;
  const bool is_short = operand.displacement >= -128 && operand.displacement <= 127;
  const unsigned mod = none ? 0U : is_short ? 0x40U : 0x80U;
  hot_.byte(mod | (reg_field & 0x38U) | (sib ? unsigned{rsp} : operand.base & 7U));
  if (sib)
    hot_.byte(unsigned{operand.scale} << 6 | (indexed ? operand.index & 7U : unsigned{rsp}) << 3 |
              (operand.base & 7U));
  if (none)
    return;
  if (is_short)
    hot_.byte(static_cast<u8>(operand.displacement));
  else
    hot_.dword(static_cast<u32>(operand.displacement));
}

void Emitter::emit_patched(const Instruction &instruction, const HostOperand &operand) {
  const u8 *bytes = instruction.bytes;
  // The prefixes in their order, since the last of F2 and F3 counts, but for segment and address
  // size.
  for (u8 i = 0; i < instruction.prefix_length; ++i)
    if (bytes[i] == 0xf0 || bytes[i] == 0x66 || bytes[i] == 0xf2 || bytes[i] == 0xf3)
      hot_.byte(bytes[i]);
  // REX.B extends a base, REX.X an index; VEX has them inverted, at 0x20 and 0x40.
  const unsigned extension = (operand.base >= 8 ? 1U : 0U) |
                             (operand.index != no_register && operand.index >= 8 ? 2U : 0U);
  const unsigned vex_bits = 0x60U ^ extension << 5;
  if (instruction.vex_length == 2) {
    const u8 vex = bytes[instruction.opcode_offset - 1];
    hot_.byte(0xc4);
    hot_.byte((vex & 0x80U) | vex_bits | 1U);
    hot_.byte(vex & 0x7fU);
  } else if (instruction.vex_length == 3) {
    hot_.byte(0xc4);
    hot_.byte((bytes[instruction.opcode_offset - 2] & 0x9fU) | vex_bits);
    hot_.byte(bytes[instruction.opcode_offset - 1]);
  } else if (instruction.rex || extension) {
    hot_.byte(0x40U | (instruction.rex & 0xcU) | extension);
  }
  hot_.raw(bytes + instruction.opcode_offset,
           static_cast<std::size_t>(instruction.modrm_offset - instruction.opcode_offset));
  emit_operand(operand, bytes[instruction.modrm_offset]);
  hot_.raw(bytes + instruction.operand_end,
           static_cast<std::size_t>(instruction.length - instruction.operand_end));
}

void Emitter::save_flags_to_context() {
  if (flags_saved_)
    return;
  r11_is_delta_ = false;
  hot_.move(r11, rax);
  hot_.flags_to_rax();
  hot_.store_context(CONTEXT_SAVED_FLAGS, rax);
  hot_.move(rax, r11);
  flags_saved_ = true;
}

void Emitter::restore_flags_from_context() {
  if (!flags_saved_)
    return;
  r11_is_delta_ = false;
  hot_.move(r11, rax);
  hot_.load_context(rax, CONTEXT_SAVED_FLAGS);
  hot_.flags_from_rax();
  hot_.move(rax, r11);
  flags_saved_ = false;
}

void Emitter::emit_memory(const Instruction &instruction, bool save_flags, u16 live_after) {
  if (in_window_) {
    if (needs_flags(instruction, live_after))
      restore_flags_from_context();
    emit_stack_memory(instruction);
    return;
  }
  if (in_group_) {
    emit_group_memory(instruction, save_flags, live_after);
    return;
  }
  HostOperand operand{r10, no_register, 0, 0};
  if (source_.mode == BlockMode::bounced) {
    hot_.load_context(r10, CONTEXT_BOUNCE_POINTER);
  } else if (windows_ && !cache_.has_scattered_site(source_.frame, instruction.pc)) {
    if (save_flags)
      save_flags_to_context();
    operand = emit_window_lookup(instruction);
  } else {
    emit_operand_lookup(instruction, instruction.memory.writes, instruction.memory.size,
                        save_flags);
  }
  if (needs_flags(instruction, live_after))
    restore_flags_from_context();
  const u8 data = instruction.data_reads | instruction.data_writes;
  if (instruction.high_byte || data == 3) {
    const u8 pointer = free_register(instruction);
    spilled_ = pointer;
    hot_.store_context(CONTEXT_SPILL_POINTER, pointer);
    hot_.move(pointer, r10);
    load_reserved(data);
    emit_patched(instruction, {pointer, no_register, 0, 0});
    hot_.load_context(pointer, CONTEXT_SPILL_POINTER);
  } else if (data == 1) {
    r11_is_delta_ = false;
    hot_.move(r11, r10);
    load_reserved(data);
    emit_patched(instruction, {r11, no_register, 0, 0});
  } else {
    load_reserved(data);
    emit_patched(instruction, operand);
  }
  store_reserved(instruction.data_writes);
}

void Emitter::emit_absolute_move(const Instruction &instruction, bool save_flags) {
  const u8 opcode = instruction.bytes[instruction.opcode_offset];
  u64 address = 0;
  const u8 width = instruction.address_size_prefix ? 4 : 8;
  std::memcpy(&address, instruction.bytes + instruction.opcode_offset + 1, width);
  if (source_.mode == BlockMode::bounced) {
    hot_.load_context(r10, CONTEXT_BOUNCE_POINTER);
  } else {
    hot_.move_immediate(r10, address);
    if (instruction.memory.segment != Segment::none) {
      hot_.load_context(r11, instruction.memory.segment == Segment::fs ? CONTEXT_FS_BASE
                                                                       : CONTEXT_GS_BASE);
      hot_.lea_sum(r10, r10, r11);
    }
    emit_lookup(instruction, (opcode & 2) != 0, instruction.memory.size, save_flags);
  }
  // A0..A3 become 8A, 8B, 88, 89 with [r10].
  if (instruction.operand_size_prefix)
    hot_.byte(0x66);
  hot_.byte(0x41U | (instruction.rex & 8U));
  hot_.byte((opcode & 2U ? 0x88U : 0x8aU) | (opcode & 1U));
  hot_.byte(r10 & 7U);
}

} // namespace tine::cpu
