// Instructions without an explicit memory operand, and the stack's.
#include "cpu/emitter.hpp"

namespace tine::cpu {
namespace {
/// The register of push and pop, in the opcode or (with `modrm_opcode`) in ModRM.
u8 stack_register(const Instruction &instruction, u8 modrm_opcode) {
  const u8 opcode = instruction.bytes[instruction.opcode_offset];
  const u8 low =
      opcode == modrm_opcode ? instruction.bytes[instruction.modrm_offset] & 7 : opcode & 7;
  return static_cast<u8>(low | (instruction.rex & 1 ? 8 : 0));
}
} // namespace

void Emitter::load_reserved(u8 mask) {
  if (mask & 1)
    hot_.load_context(r10, CONTEXT_R10);
  if (mask & 2) {
    r11_is_delta_ = false;
    hot_.load_context(r11, CONTEXT_R11);
  }
}

void Emitter::store_reserved(u8 mask) {
  if (mask & 1)
    hot_.store_context(CONTEXT_R10, r10);
  if (mask & 2)
    hot_.store_context(CONTEXT_R11, r11);
}

void Emitter::emit_plain(const Instruction &instruction) {
  load_reserved(instruction.data_reads);
  hot_.raw(instruction.bytes, instruction.length);
  const u8 opcode = instruction.bytes[instruction.opcode_offset];
  if (instruction.vex_length == 0 && (opcode == 0xfc || opcode == 0xfd)) // cld, std
    hot_.store_context_byte(CONTEXT_DIRECTION_DOWN, opcode & 1);
  store_reserved(instruction.data_writes);
}

void Emitter::emit_lea(const Instruction &instruction) {
  const MemoryOperand &memory = instruction.memory;
  const u8 to = static_cast<u8>(((instruction.bytes[instruction.modrm_offset] >> 3) & 7) |
                                (instruction.rex & 4 ? 8 : 0));
  if (memory.base == rip_register) {
    u64 address = instruction.next_pc() + static_cast<u64>(static_cast<i64>(memory.displacement));
    if (instruction.address_size_prefix)
      address &= 0xffffffff;
    if (instruction.operand_size_prefix && !(instruction.rex & 8)) {
      load_reserved(instruction.data_reads);
      hot_.byte(0x66); // mov to, imm16
      if (to >= 8)
        hot_.byte(0x41);
      hot_.byte(0xb8U + (to & 7U));
      hot_.byte(static_cast<u8>(address));
      hot_.byte(static_cast<u8>(address >> 8));
    } else {
      hot_.move_immediate(to, instruction.rex & 8 ? address : address & 0xffffffff);
    }
  } else {
    u8 needed = instruction.data_reads;
    for (u8 part : {memory.base, memory.index})
      needed |= static_cast<u8>(part == r10 ? 1 : part == r11 ? 2 : 0);
    load_reserved(needed);
    hot_.raw(instruction.bytes, instruction.length);
  }
  store_reserved(instruction.data_writes);
}

void Emitter::emit_push(const Instruction &instruction, bool save_flags) {
  if (in_window_) {
    load_stack_delta();
    if (instruction.kind == InstructionKind::push_immediate) {
      hot_.raw({{0x4a, 0xc7, 0x44, 0x1c, 0xf8}}); // mov qword ptr [rsp + r11 - 8], imm32
      hot_.dword(static_cast<u32>(instruction.target));
    } else {
      u8 from = stack_register(instruction, 0xff);
      if (from == r10 || from == r11) {
        hot_.load_context(r10, from == r10 ? CONTEXT_R10 : CONTEXT_R11);
        from = r10;
      }
      emit_stack_operand(0x89, from, -8);
    }
    hot_.lea(rsp, rsp, -8);
    return;
  }
  if (instruction.kind == InstructionKind::push_memory) {
    emit_operand_lookup(instruction, false, 8, save_flags);
    hot_.load(r10, r10);
    hot_.store_context(CONTEXT_SPILL_VALUE, r10);
    emit_stack_lookup(instruction, true, -8, save_flags);
    hot_.load_context(r11, CONTEXT_SPILL_VALUE);
    hot_.store(r10, r11);
  } else if (instruction.kind == InstructionKind::push_immediate) {
    emit_stack_lookup(instruction, true, -8, save_flags);
    hot_.raw({{0x49, 0xc7, 0x02}}); // mov qword ptr [r10], imm32
    hot_.dword(static_cast<u32>(instruction.target));
  } else {
    const u8 from = stack_register(instruction, 0xff);
    emit_stack_lookup(instruction, true, -8, save_flags);
    if (from == r10 || from == r11) {
      hot_.load_context(r11, from == r10 ? CONTEXT_R10 : CONTEXT_R11);
      hot_.store(r10, r11);
    } else {
      hot_.store(r10, from);
    }
  }
  hot_.lea(rsp, rsp, -8);
}

void Emitter::emit_pop(const Instruction &instruction, bool save_flags) {
  if (in_window_) {
    load_stack_delta();
    const u8 to = stack_register(instruction, 0x8f);
    const bool reserved = to == r10 || to == r11;
    emit_stack_operand(0x8b, reserved ? static_cast<u8>(r10) : to, 0);
    if (reserved)
      hot_.store_context(to == r10 ? CONTEXT_R10 : CONTEXT_R11, r10);
    hot_.lea(rsp, rsp, 8);
    return;
  }
  emit_stack_lookup(instruction, false, 0, save_flags);
  if (instruction.kind == InstructionKind::pop_memory) {
    hot_.load(r10, r10);
    hot_.store_context(CONTEXT_SPILL_VALUE, r10);
    emit_effective_address(instruction);
    if (instruction.memory.base == rsp) // the address is computed after rsp has moved
      hot_.lea(r10, r10, 8);
    emit_lookup(instruction, true, 8, save_flags);
    hot_.load_context(r11, CONTEXT_SPILL_VALUE);
    hot_.store(r10, r11);
    hot_.lea(rsp, rsp, 8);
    return;
  }
  const u8 to = stack_register(instruction, 0x8f);
  if (to == r10 || to == r11) {
    hot_.load(r10, r10);
    hot_.store_context(to == r10 ? CONTEXT_R10 : CONTEXT_R11, r10);
  } else {
    hot_.load(to, r10);
  }
  if (to != rsp)
    hot_.lea(rsp, rsp, 8);
}

void Emitter::emit_leave(const Instruction &instruction, bool save_flags) {
  hot_.lea(r10, rbp, 0);
  emit_lookup(instruction, false, 8, save_flags);
  hot_.load(r10, r10);
  hot_.lea(rsp, rbp, 8);
  hot_.move(rbp, r10);
}

} // namespace tine::cpu
