// How a run ended, on the host processor or in tine, and what differs between two of them.
#pragma once

#include "cpu/cpu_state.hpp"
#include "layout.hpp"

#include <string>

namespace tine::test {

struct Outcome {
  cpu::CpuState state;
  int signal = 0; ///< 0: it ended otherwise (a system call, or not at all)
  int code = 0;
  u64 address = 0;
  u64 trap_number = 0;
  u64 error_code = 0;
  bool timed_out = false;
};

/// What a comparison leaves out.
struct Tolerance {
  u64 undefined_flags = 0;
  bool only_signal = false; ///< which of two operands faults first
  /// An operand of several pieces at the limit of canonical addresses: whether the piece that is
  /// not mapped or the one that is not canonical is noticed first (SDM volume 3, 6.9: the order of
  /// faults within an instruction is the implementation's).
  bool any_memory_fault = false;
  bool address_in_page = false; ///< which byte of the page a long store touches first
  bool x87_pointers = true;     ///< last x87 instruction, operand and opcode
};

/// CF PF AF ZF SF DF OF. Not RF, which depends on how a fault was delivered, and not ID and AC,
/// which the generators leave alone.
inline constexpr u64 visible_flags = 0x0cd5;

/// Empty if both are the same, otherwise a line for each difference: "name: host X, tine Y".
[[nodiscard]] std::string differences(const Outcome &host, const Outcome &tine,
                                      const Tolerance &tolerance);
[[nodiscard]] std::string differences(const MemoryImage &host, const MemoryImage &tine);

[[nodiscard]] std::string describe(const cpu::CpuState &state);

/// A state whose registers are all known: distinct values, stack pointer at `stack_top`, rip at
/// `rip`.
[[nodiscard]] cpu::CpuState plain_state(u64 rip);

// Fields of the FXSAVE area.
inline constexpr u64 fxsave_mxcsr = 24;
inline constexpr u64 fxsave_st = 32;
[[nodiscard]] u32 mxcsr_of(const cpu::CpuState &state);
void set_mxcsr(cpu::CpuState &state, u32 value);

} // namespace tine::test
