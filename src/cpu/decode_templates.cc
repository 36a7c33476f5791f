#include "cpu/decode_templates.hpp"

#include <bit>
#include <cstring>

namespace tine::cpu {
namespace {

/// A set of opcodes, as ranges.
class OpcodeSet {
public:
  struct Range {
    u8 first, last;
  };
  template <std::size_t count> constexpr explicit OpcodeSet(const Range (&ranges)[count]) {
    for (const Range &range : ranges)
      for (unsigned opcode = range.first; opcode <= range.last; ++opcode)
        words_[opcode / 64] |= u64{1} << opcode % 64;
  }
  [[nodiscard]] constexpr bool contains(u8 opcode) const {
    return (words_[opcode / 64] >> opcode % 64 & 1) != 0;
  }

private:
  u64 words_[4]{};
};

// SDM volume 2, appendix A. Left out: what depends on the immediate or on REX.B alone, segment,
// control and debug registers, string instructions, system instructions.
constexpr OpcodeSet
    one_byte({{0x00, 0x05}, {0x08, 0x0d}, {0x10, 0x15}, {0x18, 0x1d}, {0x20, 0x25},
              {0x28, 0x2d}, {0x30, 0x35}, {0x38, 0x3d}, {0x50, 0x5f}, {0x63, 0x63},
              {0x68, 0x6b}, {0x70, 0x81}, {0x83, 0x8b}, {0x8d, 0x8d}, {0x98, 0x99},
              {0xa8, 0xa9}, {0xb0, 0xc1}, {0xc3, 0xc3}, {0xc6, 0xc7}, {0xc9, 0xc9},
              {0xd0, 0xd3}, {0xe8, 0xe9}, {0xeb, 0xeb}, {0xf6, 0xf7}, {0xfe, 0xff}});
constexpr OpcodeSet one_byte_with_modrm({{0x00, 0x03},
                                         {0x08, 0x0b},
                                         {0x10, 0x13},
                                         {0x18, 0x1b},
                                         {0x20, 0x23},
                                         {0x28, 0x2b},
                                         {0x30, 0x33},
                                         {0x38, 0x3b},
                                         {0x63, 0x63},
                                         {0x69, 0x69},
                                         {0x6b, 0x6b},
                                         {0x80, 0x8f},
                                         {0xc0, 0xc1},
                                         {0xc6, 0xc7},
                                         {0xd0, 0xd3},
                                         {0xf6, 0xf7},
                                         {0xfe, 0xff}});
/// The digit in ModRM is part of the opcode.
constexpr OpcodeSet one_byte_groups(
    {{0x80, 0x83}, {0xc0, 0xc1}, {0xc6, 0xc7}, {0xd0, 0xd3}, {0xf6, 0xf7}, {0xfe, 0xff}});
constexpr OpcodeSet two_byte({{0x10, 0x17},
                              {0x1e, 0x1f},
                              {0x28, 0x2f},
                              {0x40, 0x6f},
                              {0x70, 0x70},
                              {0x74, 0x76},
                              {0x7e, 0x7f},
                              {0x80, 0x9f},
                              {0xa3, 0xa3},
                              {0xab, 0xab},
                              {0xaf, 0xb1},
                              {0xb3, 0xb3},
                              {0xb6, 0xb7},
                              {0xbb, 0xc2},
                              {0xc4, 0xc6},
                              {0xc8, 0xcf},
                              {0xd1, 0xef},
                              {0xf1, 0xf6},
                              {0xf8, 0xfe}});
constexpr OpcodeSet two_byte_without_modrm({{0x80, 0x8f}, {0xc8, 0xcf}});

u32 form_of(const InstructionLayout &layout, bool two_bytes, u8 opcode, u32 modrm_part) {
  return 1U | (layout.operand_size_prefix ? 2U : 0U) | (layout.repeat ? 4U : 0U) |
         (layout.repeat_not_equal ? 8U : 0U) | (layout.rex != 0 ? 16U : 0U) |
         ((layout.rex & 8) != 0 ? 32U : 0U) | (two_bytes ? 64U : 0U) | u32{opcode} << 7 |
         modrm_part << 15;
}

/// Shifts by a constant of zero leave the flags alone.
bool is_shift_by_zero(std::span<const u8> bytes, const InstructionLayout &layout, u8 opcode) {
  if (opcode != 0xc0 && opcode != 0xc1)
    return false;
  // The immediate is the last byte: its place depends on the addressing form. Let any zero do.
  const u8 at = layout.modrm_offset;
  for (std::size_t i = at + 1U; i < at + 7U && i < bytes.size(); ++i)
    if ((bytes[i] & 31) == 0)
      return true;
  return false;
}

void take_register(const TemplateRegister &reg, unsigned number, Instruction &out) {
  if (!reg.is_gpr)
    return;
  if (reg.byte && out.rex == 0 && number >= 4) {
    out.high_byte = true;
    number -= 4;
  }
  out.gpr_used |= static_cast<u16>(1U << number);
  if (reg.written)
    out.gpr_written |= static_cast<u16>(1U << number);
  if (number == r10 || number == r11) {
    const u8 bit = number == r10 ? 1 : 2;
    out.data_reads |= reg.touched ? bit : 0;
    out.data_writes |= reg.written ? bit : 0;
  }
  if (number == rsp && reg.written)
    out.writes_rsp = out.writes_rsp_as_operand = true;
}

template <typename T> T value_at(const u8 *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// SDM volume 2, tables 2-2 and 2-3. Returns the end of the operand.
u8 take_memory(std::span<const u8> bytes, u8 modrm_offset, Instruction &out) {
  const u8 modrm = bytes[modrm_offset];
  const unsigned mod = modrm >> 6, rm = modrm & 7U;
  u8 at = modrm_offset + 1;
  MemoryOperand &memory = out.memory;
  bool long_displacement = mod == 2;
  if (rm == 4) {
    const u8 sib = bytes[at++];
    const unsigned index = (sib >> 3 & 7U) | (out.rex & 2U) << 2, base = sib & 7U;
    if (index != rsp) {
      memory.index = static_cast<u8>(index);
      memory.scale = sib >> 6;
    }
    if (base == 5 && mod == 0)
      long_displacement = true;
    else
      memory.base = static_cast<u8>(base | (out.rex & 1U) << 3);
  } else if (rm == 5 && mod == 0) {
    memory.base = rip_register;
    long_displacement = true;
  } else {
    memory.base = static_cast<u8>(rm | (out.rex & 1U) << 3);
  }
  if (long_displacement) {
    memory.displacement = value_at<i32>(&bytes[at]);
    at += 4;
  } else if (mod == 1) {
    memory.displacement = static_cast<i8>(bytes[at++]);
  }
  for (const u8 part : {memory.base, memory.index})
    if (part < 16)
      out.gpr_used |= static_cast<u16>(1U << part);
  return at;
}

i64 immediate_at(const u8 *bytes, u8 size) {
  switch (size) {
  case 1:
    return static_cast<i8>(bytes[0]);
  case 2:
    return value_at<i16>(bytes);
  case 4:
    return value_at<i32>(bytes);
  default:
    return 0;
  }
}

} // namespace

std::optional<InstructionLayout> layout_of(std::span<const u8> bytes) {
  InstructionLayout layout;
  u8 at = 0;
  for (;; ++at) {
    if (bytes[at] == 0x66 && !layout.operand_size_prefix)
      layout.operand_size_prefix = true;
    else if (bytes[at] == 0xf3 && !layout.repeat)
      layout.repeat = true;
    else if (bytes[at] == 0xf2 && !layout.repeat_not_equal)
      layout.repeat_not_equal = true;
    else
      break;
  }
  if ((bytes[at] & 0xf0) == 0x40)
    layout.rex = bytes[at++];
  layout.prefix_length = at;
  u8 opcode = bytes[at++];
  const bool two_bytes = opcode == 0x0f;
  if (two_bytes)
    opcode = bytes[at++];
  if (two_bytes ? !two_byte.contains(opcode) : !one_byte.contains(opcode))
    return std::nullopt;
  layout.opcode_length = two_bytes ? 2 : 1;
  const bool has_modrm =
      two_bytes ? !two_byte_without_modrm.contains(opcode) : one_byte_with_modrm.contains(opcode);
  u32 modrm_part = 0;
  if (has_modrm) {
    layout.modrm_offset = at;
    const u8 modrm = bytes[at];
    const bool is_register = modrm >= 0xc0;
    modrm_part = is_register ? 1 : 0;
    if (!two_bytes && one_byte_groups.contains(opcode))
      modrm_part |= u32{modrm} >> 2 & 0xe;
    if (two_bytes && opcode == 0x1e && is_register) // ENDBR64 and its neighbours
      modrm_part |= u32{modrm} << 1;
    if (!two_bytes && is_shift_by_zero(bytes, layout, opcode))
      return std::nullopt;
  }
  layout.form = form_of(layout, two_bytes, opcode, modrm_part);
  return layout;
}

void apply_template(const DecodeTemplate &form, const InstructionLayout &layout,
                    std::span<const u8> bytes, u64 pc, Instruction &out) {
  out = form.common;
  out.pc = pc;
  out.bytes = bytes.data();
  out.rex = layout.rex;
  out.prefix_length = out.opcode_offset = layout.prefix_length;
  const u8 opcode_end = static_cast<u8>(layout.prefix_length + layout.opcode_length);
  u8 end = opcode_end;
  if (layout.modrm_offset != 0) {
    const u8 modrm = bytes[layout.modrm_offset];
    out.modrm_offset = layout.modrm_offset;
    take_register(form.reg, (modrm >> 3 & 7U) | (layout.rex & 4U) << 1, out);
    if (modrm >= 0xc0) {
      take_register(form.rm, (modrm & 7U) | (layout.rex & 1U) << 3, out);
      end = static_cast<u8>(layout.modrm_offset + 1);
    } else {
      end = take_memory(bytes, layout.modrm_offset, out);
    }
    out.operand_end = end;
  } else {
    take_register(form.opcode, (bytes[opcode_end - 1U] & 7U) | (layout.rex & 1U) << 3, out);
  }
  out.length = static_cast<u8>(end + form.immediate_bytes);
  switch (out.kind) {
  case InstructionKind::call_direct:
  case InstructionKind::jump_direct:
  case InstructionKind::jump_conditional:
    out.target = out.next_pc() + static_cast<u64>(immediate_at(&bytes[end], form.immediate_bytes));
    break;
  case InstructionKind::push_immediate:
    out.target = static_cast<u64>(immediate_at(&bytes[end], form.immediate_bytes));
    break;
  default:
    break;
  }
}

} // namespace tine::cpu
