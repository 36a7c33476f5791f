#include "cpu/decode.hpp"

#include "cpu/decode_kinds.hpp"
#include "cpu/decode_templates.hpp"
#include "cpu/interpreter.hpp"

#include <array>
#include <memory>
#include <optional>

namespace tine::cpu {
const ZydisDecoder &decoder() {
  static const ZydisDecoder instance = [] {
    ZydisDecoder result;
    ZydisDecoderInit(&result, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return result;
  }();
  return instance;
}

namespace {

using Kind = InstructionKind;

/// The number of a general register, whatever its width; no_register for others.
u8 gpr_number(ZydisRegister reg) {
  if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
    return rip_register;
  if (reg >= ZYDIS_REGISTER_RAX && reg <= ZYDIS_REGISTER_R15)
    return static_cast<u8>(reg - ZYDIS_REGISTER_RAX);
  if (reg >= ZYDIS_REGISTER_EAX && reg <= ZYDIS_REGISTER_R15D)
    return static_cast<u8>(reg - ZYDIS_REGISTER_EAX);
  if (reg >= ZYDIS_REGISTER_AX && reg <= ZYDIS_REGISTER_R15W)
    return static_cast<u8>(reg - ZYDIS_REGISTER_AX);
  if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
    return static_cast<u8>(reg - ZYDIS_REGISTER_AH);
  if (reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_BL)
    return static_cast<u8>(reg - ZYDIS_REGISTER_AL);
  if (reg >= ZYDIS_REGISTER_SPL && reg <= ZYDIS_REGISTER_R15B)
    return static_cast<u8>(reg - ZYDIS_REGISTER_SPL + 4);
  return no_register;
}

void parse_prefixes(Instruction &out) {
  u8 at = 0;
  for (;; ++at) {
    switch (out.bytes[at]) {
    case 0x66:
      out.operand_size_prefix = true;
      continue;
    case 0x67:
      out.address_size_prefix = true;
      continue;
    case 0xf0:
      out.lock = true;
      continue;
    case 0xf2:
      out.repeat_not_equal = true;
      continue;
    case 0xf3:
      out.repeat = true;
      continue;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
      continue;
    default:
      // REX counts only right before the opcode: one that a legacy prefix follows is ignored.
      if ((out.bytes[at] & 0xf0) == 0x40) {
        out.rex = out.bytes[at];
        continue;
      }
      break;
    }
    break;
  }
  if (at > 0 && (out.bytes[at - 1] & 0xf0) != 0x40)
    out.rex = 0;
  out.prefix_length = at;
  if (out.bytes[at] == 0xc5)
    out.vex_length = 2;
  else if (out.bytes[at] == 0xc4)
    out.vex_length = 3;
  out.opcode_offset = static_cast<u8>(at + out.vex_length);
}

u16 actions_to_masks(const ZydisDecodedOperand &operand, u8 number, Instruction &out) {
  if (number >= 16) // no_register, too
    return 0;
  if (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
    out.gpr_written |= static_cast<u16>(1U << number);
  if (number == r10 || number == r11) {
    const u8 bit = number == r10 ? 1 : 2;
    if (operand.actions & (ZYDIS_OPERAND_ACTION_MASK_READ | ZYDIS_OPERAND_ACTION_MASK_WRITE))
      out.data_reads |= bit;
    if (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
      out.data_writes |= bit;
  }
  if (number == rsp && (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
    out.writes_rsp = true;
  if (number == rsp && (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
      operand.visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT)
    out.writes_rsp_as_operand = true;
  return static_cast<u16>(1U << number);
}

void take_memory_operand(const ZydisDecodedOperand &operand, Instruction &out) {
  const auto &mem = operand.mem;
  const bool is_explicit = operand.visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT;
  const u8 base = gpr_number(mem.base);
  const u8 index = gpr_number(mem.index);
  if (base < 16)
    out.gpr_used |= static_cast<u16>(1U << base);
  if (index < 16)
    out.gpr_used |= static_cast<u16>(1U << index);
  if (!is_explicit)
    return;
  out.memory.base = base;
  out.memory.index = index;
  out.memory.scale = static_cast<u8>(mem.scale == 8   ? 3
                                     : mem.scale == 4 ? 2
                                     : mem.scale == 2 ? 1
                                                      : 0);
  out.memory.displacement = static_cast<i32>(mem.disp.value);
  if (mem.segment == ZYDIS_REGISTER_FS)
    out.memory.segment = Segment::fs;
  else if (mem.segment == ZYDIS_REGISTER_GS)
    out.memory.segment = Segment::gs;
  out.memory.size = static_cast<u16>(operand.size / 8);
  out.memory.reads = operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ;
  out.memory.writes = operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
}

struct OperandSummary {
  bool explicit_memory = false, implicit_memory = false, address_only = false, vsib = false,
       segment_write = false, register_offset = false;
};

OperandSummary take_operands(std::span<const ZydisDecodedOperand> operands, Instruction &out) {
  OperandSummary summary;
  for (const ZydisDecodedOperand &operand : operands) {
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      const ZydisRegister reg = operand.reg.value;
      out.gpr_used |= actions_to_masks(operand, gpr_number(reg), out);
      if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
        out.high_byte = true;
      const ZydisRegisterClass cls = ZydisRegisterGetClass(reg);
      if (cls == ZYDIS_REGCLASS_X87 || cls == ZYDIS_REGCLASS_MMX)
        out.x87 = true;
      if (cls == ZYDIS_REGCLASS_SEGMENT && (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
        summary.segment_write = true;
      if (operand.id == 1 && cls != ZYDIS_REGCLASS_INVALID)
        summary.register_offset = true;
    } else if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      take_memory_operand(operand, out);
      if (operand.mem.type == ZYDIS_MEMOP_TYPE_VSIB)
        summary.vsib = true;
      if (operand.visibility != ZYDIS_OPERAND_VISIBILITY_EXPLICIT)
        summary.implicit_memory = true;
      else if (operand.mem.type == ZYDIS_MEMOP_TYPE_AGEN ||
               operand.mem.type == ZYDIS_MEMOP_TYPE_MIB)
        summary.address_only = true;
      else
        summary.explicit_memory = true;
    }
  }
  return summary;
}

void take_flags(const ZydisDecodedInstruction &decoded,
                std::span<const ZydisDecodedOperand> operands, Instruction &out) {
  const ZydisAccessedFlags *flags = decoded.cpu_flags;
  if (!flags)
    return;
  out.flags_read = static_cast<u16>(flags->tested & status_flags);
  u32 killed = (flags->modified | flags->set_0 | flags->set_1) & ~flags->undefined;
  switch (decoded.mnemonic) {
  case ZYDIS_MNEMONIC_AND:
  case ZYDIS_MNEMONIC_OR:
  case ZYDIS_MNEMONIC_XOR:
  case ZYDIS_MNEMONIC_TEST:
    killed |= status_flags; // AF is documented as undefined; all processors clear it
    break;
  default:
    break;
  }
  out.flags_written = static_cast<u16>(
      (flags->modified | flags->set_0 | flags->set_1 | flags->undefined) & status_flags);
  if (is_shift_or_rotate(decoded.mnemonic)) {
    // A count of zero leaves every flag as it was.
    const ZydisDecodedOperand &count = operands[decoded.operand_count_visible - 1U];
    const bool constant = count.type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
                          (count.imm.value.u & (decoded.operand_width == 64 ? 63 : 31)) != 0;
    if (!constant)
      killed = 0;
  }
  if (decoded.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE))
    killed = 0;
  out.flags_killed = static_cast<u16>(killed & status_flags);
}

/// Splits the kinds that depend on the operands' form.
void refine_kind(const ZydisDecodedInstruction &decoded,
                 std::span<const ZydisDecodedOperand> operands, const OperandSummary &summary,
                 Instruction &out) {
  const ZydisDecodedOperand *first = operands.empty() ? nullptr : &operands[0];
  const bool first_memory = first && first->type == ZYDIS_OPERAND_TYPE_MEMORY;
  const bool first_immediate = first && first->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
  switch (out.kind) {
  case Kind::call_direct:
  case Kind::jump_direct:
  case Kind::jump_conditional:
  case Kind::jump_count:
    if (first_immediate) {
      out.target = out.next_pc() + static_cast<u64>(first->imm.value.s);
      out.condition = static_cast<u8>(decoded.opcode & 0xf);
    } else {
      out.kind = out.kind == Kind::call_direct ? Kind::call_indirect : Kind::jump_indirect;
      if (decoded.operand_width != 64)
        out.kind = Kind::unsupported;
    }
    break;
  case Kind::push_register:
  case Kind::pop_register: {
    const bool push = out.kind == Kind::push_register;
    if (decoded.operand_width != 64)
      out.kind = Kind::helper;
    else if (first_memory)
      out.kind = push ? Kind::push_memory : Kind::pop_memory;
    else if (first_immediate) {
      out.kind = Kind::push_immediate;
      out.target = static_cast<u64>(first->imm.value.s);
    } else if (gpr_number(first->reg.value) == no_register)
      out.kind = Kind::helper; // segment registers
    break;
  }
  case Kind::ret:
    out.target = first_immediate ? first->imm.value.u : 0;
    break;
  case Kind::leave:
    if (decoded.operand_width != 64)
      out.kind = Kind::helper;
    break;
  case Kind::plain:
    if (summary.vsib || summary.segment_write || is_masked_move(decoded.mnemonic))
      out.kind = Kind::helper;
    else if (summary.address_only)
      out.kind = Kind::nop;
    else if (summary.explicit_memory) {
      out.kind = Kind::memory;
      if (is_bit_test(decoded.mnemonic) && summary.register_offset)
        out.kind = Kind::helper;
      else if (out.modrm_offset == 0)
        out.kind = out.opcode_offset < out.length && (out.bytes[out.opcode_offset] & 0xfc) == 0xa0
                       ? Kind::absolute_move
                       : Kind::unsupported;
      if (decoded.mnemonic == ZYDIS_MNEMONIC_CLFLUSH ||
          decoded.mnemonic == ZYDIS_MNEMONIC_CLFLUSHOPT ||
          decoded.mnemonic == ZYDIS_MNEMONIC_CLWB) {
        out.memory.size = 1;
        out.memory.reads = true;
      }
      if (out.memory.size == 0 || out.memory.size > 32)
        out.kind = Kind::unsupported;
    } else if (summary.implicit_memory)
      out.kind = Kind::unsupported;
    break;
  default:
    break;
  }
}

/// What Zydis said.
struct ZydisResult {
  ZydisDecodedInstruction decoded;
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
};

bool decode_fully(std::span<const u8> bytes, u64 pc, Instruction &out, ZydisResult &zydis) {
  ZydisDecodedInstruction &decoded = zydis.decoded;
  auto &operands = zydis.operands;
  out = Instruction{};
  out.pc = pc;
  out.bytes = bytes.data();
  const ZyanStatus status =
      ZydisDecoderDecodeFull(&decoder(), bytes.data(), bytes.size(), &decoded, operands.data());
  if (status == ZYDIS_STATUS_NO_MORE_DATA && bytes.size() < ZYDIS_MAX_INSTRUCTION_LENGTH)
    return false;
  if (!ZYAN_SUCCESS(status)) {
    out.length = 1;
    out.kind = Kind::illegal;
    return true;
  }
  out.length = decoded.length;
  parse_prefixes(out);
  if (decoded.raw.modrm.offset != 0) {
    out.modrm_offset = decoded.raw.modrm.offset;
    u8 end = static_cast<u8>(out.modrm_offset + 1);
    if (decoded.raw.sib.offset != 0)
      ++end;
    if (decoded.raw.disp.size != 0)
      end = static_cast<u8>(decoded.raw.disp.offset + decoded.raw.disp.size / 8);
    out.operand_end = end;
  }
  if (!supported_extension(decoded.meta.isa_ext) ||
      decoded.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX ||
      decoded.encoding == ZYDIS_INSTRUCTION_ENCODING_XOP ||
      decoded.encoding == ZYDIS_INSTRUCTION_ENCODING_3DNOW) {
    out.kind = Kind::unsupported;
    return true;
  }
  const std::span<const ZydisDecodedOperand> used(operands.data(), decoded.operand_count);
  if (decoded.meta.isa_ext == ZYDIS_ISA_EXT_X87 || decoded.meta.isa_ext == ZYDIS_ISA_EXT_MMX)
    out.x87 = true;
  const OperandSummary summary = take_operands(used, out);
  take_flags(decoded, used, out);
  out.kind = special_kind(decoded);
  if (decoded.mnemonic == ZYDIS_MNEMONIC_MOVSD && decoded.meta.isa_ext == ZYDIS_ISA_EXT_BASE)
    out.kind = Kind::move_string;
  if (decoded.mnemonic == ZYDIS_MNEMONIC_CMPSD && decoded.meta.isa_ext == ZYDIS_ISA_EXT_BASE)
    out.kind = Kind::helper;
  if (out.kind == Kind::nop && decoded.opcode == 0x0d && decoded.raw.modrm.mod == 3)
    out.kind = Kind::plain; // a no-op or #UD, as the processor has it
  // XCHG with R8 in spite of the F3 on AMD, to Zydis a PAUSE: it is copied, whichever it is.
  if (decoded.mnemonic == ZYDIS_MNEMONIC_PAUSE && (out.rex & 1) != 0) {
    constexpr u16 rax_and_r8 = 1U << rax | 1U << r8;
    out.gpr_used |= rax_and_r8;
    out.gpr_written |= rax_and_r8;
  }
  if (decoded.mnemonic == ZYDIS_MNEMONIC_INT && out.bytes[out.opcode_offset + 1] == 3)
    out.kind = Kind::breakpoint;
  if (decoded.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED)
    out.kind = Kind::protection;
  refine_kind(decoded, used, summary, out);
  return true;
}

DecodeTemplate template_of(const Instruction &example, const ZydisResult &zydis) {
  DecodeTemplate result;
  Instruction &common = result.common;
  common = example;
  common.gpr_used = common.gpr_written = 0;
  common.data_reads = common.data_writes = 0;
  common.writes_rsp = common.writes_rsp_as_operand = common.high_byte = false;
  common.target = 0;
  common.memory = {};
  common.memory.size = example.memory.size;
  common.memory.reads = example.memory.reads;
  common.memory.writes = example.memory.writes;
  for (const auto &immediate : zydis.decoded.raw.imm)
    result.immediate_bytes = static_cast<u8>(result.immediate_bytes + immediate.size / 8);
  const std::span used(zydis.operands.data(), zydis.decoded.operand_count);
  for (const ZydisDecodedOperand &operand : used) {
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY &&
        operand.visibility != ZYDIS_OPERAND_VISIBILITY_EXPLICIT)
      take_memory_operand(operand, common);
    if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER)
      continue;
    const u8 number = gpr_number(operand.reg.value);
    const TemplateRegister reg{
        number < 16,
        (operand.actions & (ZYDIS_OPERAND_ACTION_MASK_READ | ZYDIS_OPERAND_ACTION_MASK_WRITE)) != 0,
        (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0, operand.size == 8};
    if (operand.encoding == ZYDIS_OPERAND_ENCODING_MODRM_REG)
      result.reg = reg;
    else if (operand.encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM)
      result.rm = reg;
    else if (operand.encoding == ZYDIS_OPERAND_ENCODING_OPCODE)
      result.opcode = reg;
    else
      common.gpr_used |= actions_to_masks(operand, number, common);
  }
  return result;
}

/// A vCPU's thread learns for itself: some hundred forms.
DecodeTemplates &templates() {
  thread_local const auto instance = std::make_unique<DecodeTemplates>();
  return *instance;
}

} // namespace

bool decode_by_zydis(std::span<const u8> bytes, u64 pc, Instruction &out) {
  ZydisResult zydis;
  return decode_fully(bytes, pc, out, zydis);
}

bool decode(std::span<const u8> bytes, u64 pc, Instruction &out) {
  const std::optional<InstructionLayout> layout =
      bytes.size() < ZYDIS_MAX_INSTRUCTION_LENGTH ? std::nullopt : layout_of(bytes);
  if (!layout)
    return decode_by_zydis(bytes, pc, out);
  if (const DecodeTemplate *known = templates().find(layout->form)) {
    apply_template(*known, *layout, bytes, pc, out);
    return true;
  }
  ZydisResult zydis;
  if (!decode_fully(bytes, pc, out, zydis))
    return false;
  if (out.kind == Kind::illegal || out.kind == Kind::unsupported)
    return true;
  const DecodeTemplate learnt = template_of(out, zydis);
  Instruction again;
  apply_template(learnt, *layout, bytes, pc, again);
  if (again == out)
    templates().add(layout->form, learnt);
  return true;
}

} // namespace tine::cpu
