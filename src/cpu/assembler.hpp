// Writes x86-64 instructions to memory: the few forms that the translator adds to the guest's own.
#pragma once

#include "base/types.hpp"
#include "cpu/cpu_state.hpp"

#include <cstring>
#include <span>

namespace tine::cpu {

/// A cursor over code memory. The caller has made sure that there is room.
class Assembler {
public:
  explicit Assembler(u8 *at) : at_(at) {}
  [[nodiscard]] u8 *position() const { return at_; }
  void set_position(u8 *at) { at_ = at; }

  void byte(unsigned value) { *at_++ = static_cast<u8>(value); }
  void dword(u32 value) { put(value); }
  void qword(u64 value) { put(value); }
  void raw(std::span<const u8> bytes) {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void raw(const u8 *bytes, std::size_t count) { raw(std::span(bytes, count)); }

  // ---- registers ----
  void move(u8 to, u8 from) { rex_modrm(0x89, from, to); }
  /// Shortest form; 32-bit moves zero the upper half.
  void move_immediate(u8 to, u64 value) {
    if (value <= 0xffffffff) {
      if (to >= 8)
        byte(0x41);
      byte(0xb8 + (to & 7U));
      dword(static_cast<u32>(value));
    } else if (static_cast<i64>(value) == static_cast<i32>(value)) {
      byte(0x48U | (to >= 8 ? 1U : 0U));
      byte(0xc7);
      byte(0xc0U | (to & 7U));
      dword(static_cast<u32>(value));
    } else {
      byte(0x48U | (to >= 8 ? 1U : 0U));
      byte(0xb8 + (to & 7U));
      qword(value);
    }
  }
  /// to = base + displacement, flags untouched.
  void lea(u8 to, u8 base, i32 displacement) { memory_operand(0x8d, to, base, displacement); }
  /// to = base + index, flags untouched.
  void lea_sum(u8 to, u8 base, u8 index) {
    byte(0x48U | (to >= 8 ? 4U : 0U) | (index >= 8 ? 2U : 0U) | (base >= 8 ? 1U : 0U));
    byte(0x8d);
    if ((base & 7) == 5) { // rbp and r13 as base need a displacement
      byte(0x44U | (to & 7U) << 3);
      byte((index & 7U) << 3 | (base & 7U));
      byte(0);
    } else {
      byte(0x04U | (to & 7U) << 3);
      byte((index & 7U) << 3 | (base & 7U));
    }
  }

  // ---- memory at [base + displacement] ----
  void load(u8 to, u8 base, i32 displacement = 0) { memory_operand(0x8b, to, base, displacement); }
  void store(u8 base, u8 from, i32 displacement = 0) {
    memory_operand(0x89, from, base, displacement);
  }

  // ---- the vCPU context, through GS ----
  void load_context(u8 to, u32 offset) { context_operand(0x8b, to, offset); }
  void store_context(u32 offset, u8 from) { context_operand(0x89, from, offset); }
  void store_context_dword(u32 offset, u32 value) {
    byte(0x65);
    byte(0xc7);
    byte(0x04);
    byte(0x25);
    dword(offset);
    dword(value);
  }
  void store_context_byte(u32 offset, u8 value) {
    byte(0x65);
    byte(0xc6);
    byte(0x04);
    byte(0x25);
    dword(offset);
    byte(value);
  }
  /// OP reg, gs:[offset]
  void context_absolute(u8 opcode, u8 reg, u32 offset) { context_operand(opcode, reg, offset); }
  /// lea to, [rip + displacement]; returns where the displacement lies.
  u8 *lea_rip_unresolved(u8 to) {
    byte(0x48U | (to >= 8 ? 4U : 0U));
    byte(0x8d);
    byte(0x05U | (to & 7U) << 3);
    dword(0);
    return at_ - 4;
  }
  /// OP reg, gs:[index + offset]; index is r10 or r11 (or any but rsp).
  void context_indexed(u8 opcode, u8 reg, u8 index, u32 offset) {
    byte(0x65);
    byte(0x48U | (reg >= 8 ? 4U : 0U) | (index >= 8 ? 1U : 0U));
    byte(opcode);
    byte(0x80U | (reg & 7U) << 3 | (index & 7U));
    dword(offset);
  }
  /// OP reg, gs:[index * 8 + offset]
  void context_scaled(u8 opcode, u8 reg, u8 index, u32 offset) {
    byte(0x65);
    byte(0x48U | (reg >= 8 ? 4U : 0U) | (index >= 8 ? 2U : 0U));
    byte(opcode);
    byte(0x04U | (reg & 7U) << 3);
    byte(0xc0U | (index & 7U) << 3 | 5U);
    dword(offset);
  }
  /// jmp gs:[index * 8 + offset]
  void jump_context_scaled(u8 index, u32 offset) {
    byte(0x65);
    if (index >= 8)
      byte(0x42);
    byte(0xff);
    byte(0x24);
    byte(0xc0U | (index & 7U) << 3 | 5U);
    dword(offset);
  }
  /// jmp gs:[index + offset]
  void jump_context_indexed(u8 index, u32 offset) {
    byte(0x65);
    if (index >= 8)
      byte(0x41);
    byte(0xff);
    byte(0xa0U | (index & 7U));
    dword(offset);
  }
  void compare_context_dword(u32 offset, u32 value) {
    byte(0x65);
    byte(0x81);
    byte(0x3c);
    byte(0x25);
    dword(offset);
    dword(value);
  }
  void compare_context_byte_zero(u32 offset) {
    byte(0x65);
    byte(0x80);
    byte(0x3c);
    byte(0x25);
    dword(offset);
    byte(0);
  }

  // ---- control ----
  static constexpr u8 condition_below = 2, condition_above_equal = 3, condition_equal = 4,
                      condition_not_equal = 5;
  void jump(const u8 *target) {
    byte(0xe9);
    relative(target);
  }
  /// Returns where the 32-bit displacement lies.
  u8 *jump_unresolved() {
    byte(0xe9);
    dword(0);
    return at_ - 4;
  }
  u8 *jump_condition_unresolved(u8 condition) {
    byte(0x0f);
    byte(0x80U | condition);
    dword(0);
    return at_ - 4;
  }
  u8 *jump_condition_short(u8 condition) {
    byte(0x70U | condition);
    byte(0);
    return at_ - 1;
  }
  u8 *jump_rcx_zero_short() {
    byte(0xe3);
    byte(0);
    return at_ - 1;
  }
  static void resolve_short(u8 *displacement, const u8 *target) {
    *displacement = static_cast<u8>(target - (displacement + 1));
  }
  static void resolve(u8 *displacement, const u8 *target) {
    const i32 relative = static_cast<i32>(target - (displacement + 4));
    std::memcpy(displacement, &relative, 4);
  }

  // ---- flags, in rax: AH = SF ZF AF PF CF, AL = OF ----
  void flags_to_rax() {
    byte(0x9f); // lahf
    byte(0x0f); // seto al
    byte(0x90);
    byte(0xc0);
  }
  void flags_from_rax() {
    byte(0x04); // add al, 0x7f
    byte(0x7f);
    byte(0x9e); // sahf
  }

private:
  template <typename T> void put(T value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void relative(const u8 *target) { dword(static_cast<u32>(static_cast<i32>(target - (at_ + 4)))); }
  void rex_modrm(u8 opcode, u8 reg, u8 rm) {
    byte(0x48U | (reg >= 8 ? 4U : 0U) | (rm >= 8 ? 1U : 0U));
    byte(opcode);
    byte(0xc0U | (reg & 7U) << 3 | (rm & 7U));
  }
  void memory_operand(u8 opcode, u8 reg, u8 base, i32 displacement) {
    byte(0x48U | (reg >= 8 ? 4U : 0U) | (base >= 8 ? 1U : 0U));
    byte(opcode);
    const bool needs_displacement = displacement != 0 || (base & 7) == 5;
    const bool is_short = displacement >= -128 && displacement <= 127;
    byte((!needs_displacement ? 0U : is_short ? 0x40U : 0x80U) | (reg & 7U) << 3 | (base & 7U));
    if ((base & 7) == 4)
      byte(0x24);
    if (needs_displacement) {
      if (is_short)
        byte(static_cast<u8>(displacement));
      else
        dword(static_cast<u32>(displacement));
    }
  }
  void context_operand(u8 opcode, u8 reg, u32 offset) {
    byte(0x65);
    byte(0x48U | (reg >= 8 ? 4U : 0U));
    byte(opcode);
    byte(0x04U | (reg & 7U) << 3);
    byte(0x25);
    dword(offset);
  }

  u8 *at_;
};

} // namespace tine::cpu
