// What decode.cc asks of Zydis' mnemonics.
#pragma once

#include "cpu/decode.hpp"

#include <Zydis/Zydis.h>

namespace tine::cpu {

/// The instruction-set extensions that CPUID reports to the guest, and those that are plain no-ops.
[[nodiscard]] bool supported_extension(ZydisISAExt extension);

/// Kinds that the mnemonic alone decides; `plain` for all others.
[[nodiscard]] InstructionKind special_kind(const ZydisDecodedInstruction &decoded);

[[nodiscard]] bool is_bit_test(ZydisMnemonic mnemonic);
[[nodiscard]] bool is_masked_move(ZydisMnemonic mnemonic);
[[nodiscard]] bool is_shift_or_rotate(ZydisMnemonic mnemonic);

} // namespace tine::cpu
