// Which status flags somebody will read: a lookup may clobber the others.
#pragma once

#include "cpu/decode.hpp"
#include "cpu/translate.hpp"

namespace tine::cpu {

/// Status flags that code from `pc` on may read before writing them. Looks at a few instructions
/// and through direct jumps; what it can't see counts as reading all.
[[nodiscard]] u16 flags_live_at(u64 pc, const CodeReader &reader, unsigned depth = 0);

/// live[i] = status flags live before instruction i. `live_out`: after the last.
void flags_live_before(std::span<const Instruction> instructions, u16 live_out,
                       std::span<u16> live);

/// True for kinds whose outcome depends on all flags, or that make them visible.
[[nodiscard]] bool observes_flags(InstructionKind kind);

} // namespace tine::cpu
