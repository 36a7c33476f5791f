// Carries out single instructions in C++: those too rare or too intricate to be worth host code,
// and any stack or control instruction whose operand crosses into a page that is no neighbour on
// the host.
#pragma once

#include "cpu/vcpu.hpp"
#include "cpu/vcpu_context.hpp"

#include <array>
#include <span>
#include <Zydis/Zydis.h>

namespace tine::cpu {

/// For 64-bit mode.
[[nodiscard]] const ZydisDecoder &decoder();

/// One use, one instruction. The kernel lock is held. State is complete before and after; at a
/// fault it is as before the instruction, string instructions apart, which keep their progress.
class Interpreter {
public:
  Interpreter(CpuState &state, memory::AddressSpace &space, VcpuContext &context, Exit &exit)
      : state_(state), space_(space), context_(context), exit_(exit) {}

  /// The instruction at state.rip. True: done, state.rip is where to go on. False: `exit` says why.
  [[nodiscard]] bool execute();

private:
  // ---- interpreter.cc ----
  [[nodiscard]] bool fetch();
  [[nodiscard]] bool dispatch();
  [[nodiscard]] bool read(u64 address, void *to, u64 size);
  [[nodiscard]] bool write(u64 address, const void *from, u64 size);
  [[nodiscard]] bool resolve(u64 address, u64 size, memory::Access access);
  [[nodiscard]] bool push(u64 value, u64 size);
  [[nodiscard]] u64 register_value(ZydisRegister reg) const;
  void set_register(ZydisRegister reg, u64 value);
  [[nodiscard]] u64 effective_address(const ZydisDecodedOperand &operand) const;
  [[nodiscard]] u64 segment_base(ZydisRegister segment) const;
  /// Value of a register, immediate or memory operand of up to eight bytes.
  [[nodiscard]] bool operand_value(const ZydisDecodedOperand &operand, u64 &value);
  [[nodiscard]] u64 operand_bytes() const { return instruction_.operand_width / 8U; }
  void set_carry(bool carry) { state_.rflags = (state_.rflags & ~u64{1}) | (carry ? 1 : 0); }
  [[nodiscard]] bool protection();
  [[nodiscard]] bool non_canonical();
  [[nodiscard]] bool invalid();

  [[nodiscard]] bool do_push();
  [[nodiscard]] bool do_pop();
  [[nodiscard]] bool do_pop_flags();
  [[nodiscard]] bool do_call();
  [[nodiscard]] bool do_return();
  [[nodiscard]] bool do_jump();
  [[nodiscard]] bool do_leave();
  [[nodiscard]] bool do_enter();
  [[nodiscard]] bool do_bit_test();
  [[nodiscard]] bool do_move_segment();
  [[nodiscard]] bool do_base_register();
  void do_cpuid();
  [[nodiscard]] bool do_xgetbv();

  // ---- string_instructions.cc ----
  struct StringState;
  [[nodiscard]] bool do_string();
  [[nodiscard]] bool string_step(StringState &string);
  [[nodiscard]] std::span<std::byte> string_window(const StringState &string, u64 address,
                                                   u64 count, memory::Access access);
  static void copy_elements(const StringState &string, std::span<std::byte> source,
                            std::span<std::byte> target, u64 elements);
  [[nodiscard]] bool move_chunk(StringState &string);
  [[nodiscard]] bool store_chunk(StringState &string);
  [[nodiscard]] bool compare_chunk(StringState &string);
  [[nodiscard]] bool load_chunk(StringState &string);

  // ---- extended_state.cc ----
  [[nodiscard]] bool do_xsave(bool compacted);
  [[nodiscard]] bool do_xrstor();
  [[nodiscard]] bool do_fxsave();
  [[nodiscard]] bool do_fxrstor();
  [[nodiscard]] bool do_x87_environment();

  // ---- vector_memory.cc ----
  [[nodiscard]] bool do_gather();
  [[nodiscard]] bool do_masked_move();
  void enter_mmx();
  [[nodiscard]] bool do_masked_store_bytes();
  [[nodiscard]] std::array<u8, 32> &vector_register(ZydisRegister reg);

  CpuState &state_;
  memory::AddressSpace &space_;
  VcpuContext &context_;
  Exit &exit_;
  mutable bool stack_segment_ = true; ///< of the operand at hand: #SS instead of #GP
  ZydisDecodedInstruction instruction_{};
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands_{};
};

} // namespace tine::cpu
