// Zydis: what an instruction is, what it leaves undefined, whether a test may use it.
#pragma once

#include "base/types.hpp"

#include <array>
#include <span>
#include <string>
#include <Zydis/Zydis.h>

namespace tine::test {

struct Decoded {
  ZydisDecodedInstruction instruction;
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;

  [[nodiscard]] u64 length() const { return instruction.length; }
  [[nodiscard]] bool is(ZydisMnemonic mnemonic) const { return instruction.mnemonic == mnemonic; }
  [[nodiscard]] std::span<const ZydisDecodedOperand> all_operands() const {
    return {operands.data(), instruction.operand_count};
  }
  /// The operand that ModRM or a moffs names in memory; null if there is none.
  [[nodiscard]] const ZydisDecodedOperand *explicit_memory() const;
  [[nodiscard]] bool has_memory_operand() const;
  /// True if it writes (all or part of) general-purpose register `number`.
  [[nodiscard]] bool writes_gpr(unsigned number) const;
  [[nodiscard]] u64 undefined_flags() const;
};

[[nodiscard]] bool decode(std::span<const u8> bytes, Decoded &decoded);
/// One line an instruction, each with address and bytes.
[[nodiscard]] std::string disassemble(std::span<const u8> bytes, u64 address);

/// The status flags that the code from `offset` on overwrites, whichever way it goes, before it
/// reads them. Follows `branches` conditional branches that are taken, and looks at least as far as
/// the translator does.
[[nodiscard]] u64 dead_flags(std::span<const u8> code, u64 offset, int branches = 4);

/// True for stores of many pieces, whose first faulting byte is up to the processor.
[[nodiscard]] bool stores_in_pieces(std::span<const u8> code);

/// True for instructions with two memory operands, either of which may be accessed first, and for
/// loads in pieces.
[[nodiscard]] bool faults_in_any_order(std::span<const u8> code);

/// Number of a general-purpose register as the SDM encodes it (AH to BH: that of the whole
/// register).
[[nodiscard]] unsigned gpr_number(ZydisRegister name);
[[nodiscard]] bool is_gpr(ZydisRegister name);

/// False for what user code can't run, what isn't deterministic or names host state (rdtsc, cpuid,
/// mov to a segment register ...), for branches (generated on their own), and for instruction sets
/// that cpu::guest_cpuid does not report.
[[nodiscard]] bool may_be_generated(const Decoded &decoded);

} // namespace tine::test
