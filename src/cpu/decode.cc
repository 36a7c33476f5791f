#include "cpu/decode.hpp"

#include "cpu/interpreter.hpp"

#include <array>
#include <Zydis/Zydis.h>

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

/// The instruction-set extensions that CPUID reports to the guest, and those that are plain no-ops.
bool supported_extension(ZydisISAExt extension) {
  switch (extension) {
  case ZYDIS_ISA_EXT_ADOX_ADCX:
  case ZYDIS_ISA_EXT_AES:
  case ZYDIS_ISA_EXT_AMD3DNOW_PREFETCH:
  case ZYDIS_ISA_EXT_AVX:
  case ZYDIS_ISA_EXT_AVX2:
  case ZYDIS_ISA_EXT_AVX2GATHER:
  case ZYDIS_ISA_EXT_AVXAES:
  case ZYDIS_ISA_EXT_BASE:
  case ZYDIS_ISA_EXT_BMI1:
  case ZYDIS_ISA_EXT_BMI2:
  case ZYDIS_ISA_EXT_CET:
  case ZYDIS_ISA_EXT_CLDEMOTE:
  case ZYDIS_ISA_EXT_CLFLUSHOPT:
  case ZYDIS_ISA_EXT_CLFSH:
  case ZYDIS_ISA_EXT_CLWB:
  case ZYDIS_ISA_EXT_F16C:
  case ZYDIS_ISA_EXT_FMA:
  case ZYDIS_ISA_EXT_LONGMODE:
  case ZYDIS_ISA_EXT_LZCNT:
  case ZYDIS_ISA_EXT_MMX:
  case ZYDIS_ISA_EXT_MOVBE:
  case ZYDIS_ISA_EXT_MPX:
  case ZYDIS_ISA_EXT_PAUSE:
  case ZYDIS_ISA_EXT_PCLMULQDQ:
  case ZYDIS_ISA_EXT_PREFETCHWT1:
  case ZYDIS_ISA_EXT_RDRAND:
  case ZYDIS_ISA_EXT_RDSEED:
  case ZYDIS_ISA_EXT_RDTSCP:
  case ZYDIS_ISA_EXT_RDWRFSGS:
  case ZYDIS_ISA_EXT_SHA:
  case ZYDIS_ISA_EXT_SSE:
  case ZYDIS_ISA_EXT_SSE2:
  case ZYDIS_ISA_EXT_SSE3:
  case ZYDIS_ISA_EXT_SSE4:
  case ZYDIS_ISA_EXT_SSSE3:
  case ZYDIS_ISA_EXT_VAES:
  case ZYDIS_ISA_EXT_VPCLMULQDQ:
  case ZYDIS_ISA_EXT_X87:
  case ZYDIS_ISA_EXT_XSAVE:
  case ZYDIS_ISA_EXT_XSAVEC:
  case ZYDIS_ISA_EXT_XSAVEOPT:
    return true;
  default:
    return false;
  }
}

using Kind = InstructionKind;

Kind kind_of_mnemonic(ZydisMnemonic mnemonic);

/// Kinds that the mnemonic alone decides; `plain` for all others.
Kind special_kind(const ZydisDecodedInstruction &decoded) {
  if (decoded.meta.category == ZYDIS_CATEGORY_PREFETCH)
    return Kind::nop;
  if (decoded.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
    return Kind::unsupported;
  if (decoded.meta.category == ZYDIS_CATEGORY_AVX2GATHER)
    return Kind::helper;
  if (decoded.meta.category == ZYDIS_CATEGORY_COND_BR) {
    switch (decoded.mnemonic) {
    case ZYDIS_MNEMONIC_JCXZ:
    case ZYDIS_MNEMONIC_JECXZ:
    case ZYDIS_MNEMONIC_JRCXZ:
    case ZYDIS_MNEMONIC_LOOP:
    case ZYDIS_MNEMONIC_LOOPE:
    case ZYDIS_MNEMONIC_LOOPNE:
      return Kind::jump_count;
    default:
      return Kind::jump_conditional;
    }
  }
  return kind_of_mnemonic(decoded.mnemonic);
}

Kind kind_of_mnemonic(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
  case ZYDIS_MNEMONIC_NOP:
  case ZYDIS_MNEMONIC_ENDBR64:
  case ZYDIS_MNEMONIC_ENDBR32:
  case ZYDIS_MNEMONIC_CLDEMOTE:
  case ZYDIS_MNEMONIC_RDSSPD:
  case ZYDIS_MNEMONIC_RDSSPQ:
    return Kind::nop;
  case ZYDIS_MNEMONIC_LEA:
    return Kind::lea;
  case ZYDIS_MNEMONIC_SYSCALL:
    return Kind::system_call;
  case ZYDIS_MNEMONIC_CALL:
    return Kind::call_direct;
  case ZYDIS_MNEMONIC_JMP:
    return Kind::jump_direct;
  case ZYDIS_MNEMONIC_RET:
    return Kind::ret;
  case ZYDIS_MNEMONIC_LEAVE:
    return Kind::leave;
  case ZYDIS_MNEMONIC_PUSH:
    return Kind::push_register;
  case ZYDIS_MNEMONIC_POP:
    return Kind::pop_register;
  case ZYDIS_MNEMONIC_INT3:
    return Kind::breakpoint;
  case ZYDIS_MNEMONIC_UD0:
  case ZYDIS_MNEMONIC_UD1:
  case ZYDIS_MNEMONIC_UD2:
  case ZYDIS_MNEMONIC_SYSENTER:
  case ZYDIS_MNEMONIC_SYSEXIT:
    return Kind::illegal;
  case ZYDIS_MNEMONIC_INT:
  case ZYDIS_MNEMONIC_INT1:
  case ZYDIS_MNEMONIC_HLT:
  case ZYDIS_MNEMONIC_CLI:
  case ZYDIS_MNEMONIC_STI:
  case ZYDIS_MNEMONIC_CLTS:
  case ZYDIS_MNEMONIC_IN:
  case ZYDIS_MNEMONIC_OUT:
  case ZYDIS_MNEMONIC_INSB:
  case ZYDIS_MNEMONIC_INSW:
  case ZYDIS_MNEMONIC_INSD:
  case ZYDIS_MNEMONIC_OUTSB:
  case ZYDIS_MNEMONIC_OUTSW:
  case ZYDIS_MNEMONIC_OUTSD:
  case ZYDIS_MNEMONIC_RDMSR:
  case ZYDIS_MNEMONIC_WRMSR:
  case ZYDIS_MNEMONIC_RDPMC:
  case ZYDIS_MNEMONIC_LGDT:
  case ZYDIS_MNEMONIC_LIDT:
  case ZYDIS_MNEMONIC_LLDT:
  case ZYDIS_MNEMONIC_LTR:
  case ZYDIS_MNEMONIC_LMSW:
  case ZYDIS_MNEMONIC_SGDT:
  case ZYDIS_MNEMONIC_SIDT:
  case ZYDIS_MNEMONIC_SLDT:
  case ZYDIS_MNEMONIC_STR:
  case ZYDIS_MNEMONIC_SMSW:
  case ZYDIS_MNEMONIC_INVLPG:
  case ZYDIS_MNEMONIC_INVD:
  case ZYDIS_MNEMONIC_WBINVD:
  case ZYDIS_MNEMONIC_SWAPGS:
  case ZYDIS_MNEMONIC_SYSRET:
  case ZYDIS_MNEMONIC_XSETBV:
    return Kind::protection;
  case ZYDIS_MNEMONIC_MOVSB:
  case ZYDIS_MNEMONIC_MOVSW:
  case ZYDIS_MNEMONIC_MOVSQ:
  case ZYDIS_MNEMONIC_STOSB:
  case ZYDIS_MNEMONIC_STOSW:
  case ZYDIS_MNEMONIC_STOSD:
  case ZYDIS_MNEMONIC_STOSQ:
    return Kind::move_string;
  case ZYDIS_MNEMONIC_CMPSB:
  case ZYDIS_MNEMONIC_CMPSW:
  case ZYDIS_MNEMONIC_CMPSQ:
  case ZYDIS_MNEMONIC_SCASB:
  case ZYDIS_MNEMONIC_SCASW:
  case ZYDIS_MNEMONIC_SCASD:
  case ZYDIS_MNEMONIC_SCASQ:
  case ZYDIS_MNEMONIC_LODSB:
  case ZYDIS_MNEMONIC_LODSW:
  case ZYDIS_MNEMONIC_LODSD:
  case ZYDIS_MNEMONIC_LODSQ:
  case ZYDIS_MNEMONIC_XLAT:
  case ZYDIS_MNEMONIC_ENTER:
  case ZYDIS_MNEMONIC_PUSHF:
  case ZYDIS_MNEMONIC_PUSHFQ:
  case ZYDIS_MNEMONIC_POPF:
  case ZYDIS_MNEMONIC_POPFQ:
  case ZYDIS_MNEMONIC_CPUID:
  case ZYDIS_MNEMONIC_XGETBV:
  case ZYDIS_MNEMONIC_XSAVE:
  case ZYDIS_MNEMONIC_XSAVE64:
  case ZYDIS_MNEMONIC_XSAVEC:
  case ZYDIS_MNEMONIC_XSAVEC64:
  case ZYDIS_MNEMONIC_XSAVEOPT:
  case ZYDIS_MNEMONIC_XSAVEOPT64:
  case ZYDIS_MNEMONIC_XRSTOR:
  case ZYDIS_MNEMONIC_XRSTOR64:
  case ZYDIS_MNEMONIC_MASKMOVDQU:
  case ZYDIS_MNEMONIC_VMASKMOVDQU:
  case ZYDIS_MNEMONIC_MASKMOVQ:
  case ZYDIS_MNEMONIC_RDFSBASE:
  case ZYDIS_MNEMONIC_RDGSBASE:
  case ZYDIS_MNEMONIC_WRFSBASE:
  case ZYDIS_MNEMONIC_WRGSBASE:
    return Kind::helper;
  case ZYDIS_MNEMONIC_FXSAVE:
  case ZYDIS_MNEMONIC_FXSAVE64:
  case ZYDIS_MNEMONIC_FXRSTOR:
  case ZYDIS_MNEMONIC_FXRSTOR64:
  case ZYDIS_MNEMONIC_FNSTENV:
  case ZYDIS_MNEMONIC_FLDENV:
  case ZYDIS_MNEMONIC_FNSAVE:
  case ZYDIS_MNEMONIC_FRSTOR:
    return Kind::x87_environment;
  default:
    return Kind::plain;
  }
}

bool is_bit_test(ZydisMnemonic mnemonic) {
  return mnemonic == ZYDIS_MNEMONIC_BT || mnemonic == ZYDIS_MNEMONIC_BTS ||
         mnemonic == ZYDIS_MNEMONIC_BTR || mnemonic == ZYDIS_MNEMONIC_BTC;
}

bool is_masked_move(ZydisMnemonic mnemonic) {
  return mnemonic == ZYDIS_MNEMONIC_VMASKMOVPS || mnemonic == ZYDIS_MNEMONIC_VMASKMOVPD ||
         mnemonic == ZYDIS_MNEMONIC_VPMASKMOVD || mnemonic == ZYDIS_MNEMONIC_VPMASKMOVQ;
}

bool is_shift_or_rotate(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
  case ZYDIS_MNEMONIC_SHL:
  case ZYDIS_MNEMONIC_SHR:
  case ZYDIS_MNEMONIC_SAR:
  case ZYDIS_MNEMONIC_ROL:
  case ZYDIS_MNEMONIC_ROR:
  case ZYDIS_MNEMONIC_RCL:
  case ZYDIS_MNEMONIC_RCR:
  case ZYDIS_MNEMONIC_SHLD:
  case ZYDIS_MNEMONIC_SHRD:
    return true;
  default:
    return false;
  }
}

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
  if (number == no_register || number >= 16)
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

} // namespace

bool decode(std::span<const u8> bytes, u64 pc, Instruction &out) {
  ZydisDecodedInstruction decoded;
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
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
  if (decoded.mnemonic == ZYDIS_MNEMONIC_INT && out.bytes[out.opcode_offset + 1] == 3)
    out.kind = Kind::breakpoint;
  if (decoded.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED)
    out.kind = Kind::protection;
  refine_kind(decoded, used, summary, out);
  return true;
}

} // namespace tine::cpu
