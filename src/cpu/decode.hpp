// Guest instructions, decoded once into small records that the rest of the translator works on.
#pragma once

#include "base/types.hpp"
#include "cpu/cpu_state.hpp"

#include <span>

namespace tine::cpu {

/// How the translator treats an instruction.
enum class InstructionKind : u8 {
  plain,         ///< no memory operand, no control flow: emitted as it stands
  nop,           ///< prefetches, multi-byte nops: no effect
  lea,           ///< computes an address without an access
  memory,        ///< one explicit memory operand: lookup, then patched to the host pointer
  absolute_move, ///< A0 to A3: mov between the accumulator and a 64-bit absolute address
  push_register,
  push_immediate,
  push_memory,
  pop_register,
  pop_memory,
  leave,
  call_direct,
  call_indirect,
  ret,
  jump_direct,
  jump_conditional,
  jump_count, ///< loop, loope, loopne, jcxz: 8-bit displacement only
  jump_indirect,
  system_call,
  move_string,     ///< movs and stos, with or without rep
  helper,          ///< carried out by C++ on the saved state
  x87_environment, ///< as helper
  breakpoint,      ///< int3
  illegal,         ///< #UD that is the architecture's: ud2, no such instruction
  protection,      ///< #GP in user mode: privileged instructions, int n
  unsupported,     ///< exists, but CPUID does not report it or the translator can't do it
};

inline constexpr u8 no_register = 0xff;
inline constexpr u8 rip_register = 16;

/// EFLAGS that lookups clobber: CF PF AF ZF SF OF.
inline constexpr u16 status_flags = 0x8d5;

enum class Segment : u8 { none, fs, gs };

struct MemoryOperand {
  u8 base = no_register;
  u8 index = no_register;
  u8 scale = 0; ///< log2
  Segment segment = Segment::none;
  i32 displacement = 0;
  u16 size = 0; ///< bytes accessed
  bool reads = false, writes = false;
  bool operator==(const MemoryOperand &) const = default;
};

struct Instruction {
  u64 pc = 0;
  const u8 *bytes = nullptr; ///< valid while its block is being translated
  u8 length = 0;
  InstructionKind kind = InstructionKind::unsupported;
  u8 prefix_length = 0; ///< legacy prefixes and REX
  u8 opcode_offset = 0; ///< after the prefixes, REX included
  u8 modrm_offset = 0;  ///< 0: none
  u8 operand_end = 0;   ///< end of ModRM, SIB and displacement: where an immediate begins
  u8 rex = 0;           ///< 0: none
  u8 vex_length = 0;    ///< 0, 2 or 3 bytes
  bool operand_size_prefix = false, address_size_prefix = false, repeat = false,
       repeat_not_equal = false, lock = false;
  bool high_byte = false; ///< uses AH, CH, DH or BH: no REX possible
  bool x87 = false;       ///< touches x87 or MMX state
  u8 condition = 0;       ///< of jump_conditional: the low four bits of its opcode
  u8 data_reads = 0;      ///< of the reserved registers as data: bit 0 r10, bit 1 r11
  u8 data_writes = 0;
  u16 gpr_used = 0;                   ///< every general register named or implied, as a mask
  u16 gpr_written = 0;                ///< may be changed, in part or whole
  u16 flags_read = 0;                 ///< of status_flags
  u16 flags_written = 0;              ///< may be changed
  u16 flags_killed = 0;               ///< written whatever the operands are
  bool writes_rsp = false;            ///< explicitly or not
  bool writes_rsp_as_operand = false; ///< pop rsp and the like
  u64 target = 0; ///< of direct branches; immediate of push; bytes that ret pops
  MemoryOperand memory;

  [[nodiscard]] u64 next_pc() const { return pc + length; }
  bool operator==(const Instruction &) const = default;
};

/// Decodes the instruction at the start of `bytes` (at most 15 are looked at). False if `bytes`
/// ends before the instruction does.
[[nodiscard]] bool decode(std::span<const u8> bytes, u64 pc, Instruction &instruction);
/// The same, without what decode() has learnt (decode_templates.hpp): what that must agree with.
[[nodiscard]] bool decode_by_zydis(std::span<const u8> bytes, u64 pc, Instruction &instruction);

} // namespace tine::cpu
