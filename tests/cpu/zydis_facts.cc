#include "zydis_facts.hpp"

#include "features.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace tine::test {

namespace {

const ZydisDecoder &decoder() {
  static const ZydisDecoder instance = [] {
    ZydisDecoder made;
    ZydisDecoderInit(&made, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    // As an AMD processor decodes branches with an operand-size prefix, and with lzcnt and tzcnt.
    return made;
  }();
  return instance;
}

bool category_is_excluded(ZydisInstructionCategory category) {
  switch (category) {
  case ZYDIS_CATEGORY_SYSCALL:
  case ZYDIS_CATEGORY_SYSRET:
  case ZYDIS_CATEGORY_SYSTEM:
  case ZYDIS_CATEGORY_INTERRUPT:
  case ZYDIS_CATEGORY_IO:
  case ZYDIS_CATEGORY_IOSTRINGOP:
  case ZYDIS_CATEGORY_SEGOP:
  case ZYDIS_CATEGORY_VTX:
  case ZYDIS_CATEGORY_UNCOND_BR:
  case ZYDIS_CATEGORY_COND_BR:
  case ZYDIS_CATEGORY_CALL:
  case ZYDIS_CATEGORY_RET:
  case ZYDIS_CATEGORY_RDWRFSGS:
  case ZYDIS_CATEGORY_RDRAND:
  case ZYDIS_CATEGORY_RDSEED:
  case ZYDIS_CATEGORY_RDPID:
  case ZYDIS_CATEGORY_XSAVE:
  case ZYDIS_CATEGORY_XSAVEOPT:
    return true;
  default:
    return false;
  }
}

bool mnemonic_is_excluded(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
  case ZYDIS_MNEMONIC_CPUID:
  case ZYDIS_MNEMONIC_POPF: // may set TF and AC
  case ZYDIS_MNEMONIC_POPFQ:
  case ZYDIS_MNEMONIC_FXSAVE: // 512 bytes with reserved fields: named tests
  case ZYDIS_MNEMONIC_FXSAVE64:
  case ZYDIS_MNEMONIC_FXRSTOR:
  case ZYDIS_MNEMONIC_FXRSTOR64:
  case ZYDIS_MNEMONIC_UD0:
  case ZYDIS_MNEMONIC_UD1:
  case ZYDIS_MNEMONIC_UD2:
  case ZYDIS_MNEMONIC_LAR: // descriptor tables
  case ZYDIS_MNEMONIC_LSL:
  case ZYDIS_MNEMONIC_VERR:
  case ZYDIS_MNEMONIC_VERW:
  case ZYDIS_MNEMONIC_SMSW:
  case ZYDIS_MNEMONIC_SLDT:
  case ZYDIS_MNEMONIC_STR:
  case ZYDIS_MNEMONIC_SGDT:
  case ZYDIS_MNEMONIC_SIDT:
  case ZYDIS_MNEMONIC_ENTER: // named tests
    return true;
  default:
    return false;
  }
}

bool writes_segment_register(const Decoded &decoded) {
  return std::ranges::any_of(decoded.all_operands(), [](const ZydisDecodedOperand &operand) {
    return operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
           ZydisRegisterGetClass(operand.reg.value) == ZYDIS_REGCLASS_SEGMENT &&
           (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE);
  });
}

} // namespace

bool is_gpr(ZydisRegister name) {
  const ZydisRegisterClass kind = ZydisRegisterGetClass(name);
  return kind == ZYDIS_REGCLASS_GPR8 || kind == ZYDIS_REGCLASS_GPR16 ||
         kind == ZYDIS_REGCLASS_GPR32 || kind == ZYDIS_REGCLASS_GPR64;
}

unsigned gpr_number(ZydisRegister name) {
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, name);
  return static_cast<unsigned>(ZydisRegisterGetId(whole)) & 15;
}

const ZydisDecodedOperand *Decoded::explicit_memory() const {
  for (const ZydisDecodedOperand &operand : all_operands())
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY &&
        operand.visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN &&
        (operand.encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM ||
         operand.encoding == ZYDIS_OPERAND_ENCODING_DISP16_32_64))
      return &operand;
  return nullptr;
}

bool Decoded::has_memory_operand() const {
  return std::ranges::any_of(all_operands(), [](const ZydisDecodedOperand &operand) {
    return operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type != ZYDIS_MEMOP_TYPE_AGEN;
  });
}

bool Decoded::writes_gpr(unsigned number) const {
  return std::ranges::any_of(all_operands(), [number](const ZydisDecodedOperand &operand) {
    return operand.type == ZYDIS_OPERAND_TYPE_REGISTER && is_gpr(operand.reg.value) &&
           gpr_number(operand.reg.value) == number &&
           (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE);
  });
}

u64 Decoded::undefined_flags() const {
  return instruction.cpu_flags ? instruction.cpu_flags->undefined : 0;
}

bool decode(std::span<const u8> bytes, Decoded &decoded) {
  return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder(), bytes.data(), bytes.size(),
                                             &decoded.instruction, decoded.operands.data()));
}

std::string disassemble(std::span<const u8> bytes, u64 address) {
  std::string text;
  for (u64 offset = 0; offset < bytes.size();) {
    const auto rest = bytes.subspan(offset);
    ZydisDisassembledInstruction line;
    const bool valid = ZYAN_SUCCESS(ZydisDisassembleIntel(
        ZYDIS_MACHINE_MODE_LONG_64, address + offset, rest.data(), rest.size(), &line));
    const u64 length = valid ? line.info.length : 1;
    std::string hex;
    for (const u8 byte : rest.first(length))
      hex += fmt::format("{:02x} ", byte);
    text += fmt::format("  {:x}: {:<32} {}\n", address + offset, hex, valid ? line.text : "(bad)");
    offset += length;
  }
  return text;
}

u64 dead_flags(std::span<const u8> code, u64 offset, int branches) {
  constexpr int most_instructions = 40;
  u64 unknown = 0x8d5, dead = 0;
  Decoded decoded;
  for (int i = 0; i < most_instructions && unknown && offset < code.size() &&
                  decode(code.subspan(offset), decoded);
       ++i) {
    const ZydisDecodedInstruction &instruction = decoded.instruction;
    if (const ZydisAccessedFlags *flags = instruction.cpu_flags) {
      unknown &= ~u64{flags->tested};
      const u64 written = flags->modified | flags->set_0 | flags->set_1 | flags->undefined;
      dead |= unknown & written;
      unknown &= ~written;
    }
    offset += instruction.length;
    const ZydisInstructionCategory category = instruction.meta.category;
    if (category == ZYDIS_CATEGORY_RET || category == ZYDIS_CATEGORY_INTERRUPT)
      break;
    const bool always = category == ZYDIS_CATEGORY_UNCOND_BR || category == ZYDIS_CATEGORY_CALL;
    if (!always && category != ZYDIS_CATEGORY_COND_BR)
      continue;
    if (decoded.operands[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
      break;
    const u64 target = offset + decoded.operands[0].imm.value.u;
    if (always)
      offset = target;
    else
      unknown &= branches > 0 && target < code.size() ? dead_flags(code, target, branches - 1) : 0;
  }
  return dead;
}

bool stores_in_pieces(std::span<const u8> code) {
  Decoded decoded;
  if (!decode(code, decoded))
    return false;
  switch (decoded.instruction.mnemonic) {
  case ZYDIS_MNEMONIC_FNSAVE:
  case ZYDIS_MNEMONIC_FNSTENV:
  case ZYDIS_MNEMONIC_FRSTOR:
  case ZYDIS_MNEMONIC_FLDENV:
  case ZYDIS_MNEMONIC_FBSTP:
  case ZYDIS_MNEMONIC_MASKMOVQ:
  case ZYDIS_MNEMONIC_MASKMOVDQU:
  case ZYDIS_MNEMONIC_VMASKMOVDQU:
  case ZYDIS_MNEMONIC_VMASKMOVPS:
  case ZYDIS_MNEMONIC_VMASKMOVPD:
  case ZYDIS_MNEMONIC_VPMASKMOVD:
  case ZYDIS_MNEMONIC_VPMASKMOVQ:
    return true;
  default:
    return false;
  }
}

bool faults_in_any_order(std::span<const u8> code) {
  Decoded decoded;
  if (!decode(code, decoded))
    return false;
  // A bit string's address is formed in two steps: AMD's processors may find the first one's result
  // not canonical.
  const bool bit_string = decoded.instruction.meta.category == ZYDIS_CATEGORY_BITBYTE &&
                          decoded.explicit_memory() &&
                          decoded.operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER;
  return bit_string || decoded.instruction.meta.category == ZYDIS_CATEGORY_STRINGOP ||
         decoded.is(ZYDIS_MNEMONIC_FRSTOR) || decoded.is(ZYDIS_MNEMONIC_FLDENV) ||
         stores_in_pieces(code);
}

bool may_be_generated(const Decoded &decoded) {
  const ZydisDecodedInstruction &instruction = decoded.instruction;
  if (instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
      instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_VEX)
    return false;
  if (instruction.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED)
    return false;
  return !category_is_excluded(instruction.meta.category) &&
         !mnemonic_is_excluded(instruction.mnemonic) && !writes_segment_register(decoded) &&
         guest_has_isa(instruction.meta.isa_set);
}

} // namespace tine::test
