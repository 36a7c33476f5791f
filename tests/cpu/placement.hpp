// Random register states, and making an instruction's memory operands hit the mapped pages.
#pragma once

#include "cpu/cpu_state.hpp"
#include "encoding.hpp"
#include "layout.hpp"
#include "outcome.hpp"

namespace tine::test {

/// Registers, flags, vectors and x87 stack of all kinds of values; x87 and SSE exceptions masked;
/// rsp at `stack_top`.
[[nodiscard]] cpu::CpuState random_state(Random &random, u64 rip);
/// Pages of integers, floating-point numbers, strings, pointers and noise.
[[nodiscard]] MemoryImage random_memory(Random &random);

/// An address for an operand of `size` bytes: mostly around page boundaries of the window, now and
/// then around its end, where the second page is missing or read-only.
[[nodiscard]] u64 random_target(Random &random, u64 size);

/// Sets registers, and the displacement where there are none, so that the operands of `instruction`
/// lie where random_target says. False if it can't be done.
[[nodiscard]] bool place_operands(Random &random, Instruction &instruction, cpu::CpuState &state,
                                  const MemoryImage &memory);

} // namespace tine::test
