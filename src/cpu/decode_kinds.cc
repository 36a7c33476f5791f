#include "cpu/decode_kinds.hpp"

namespace tine::cpu {

using Kind = InstructionKind;

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

namespace {
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

} // namespace

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

} // namespace tine::cpu
