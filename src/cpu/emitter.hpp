// Emits one block: hot code, and the stubs that it leaves through.
#pragma once

#include "cpu/assembler.hpp"
#include "cpu/context_offsets.h"
#include "cpu/operand_groups.hpp"
#include "cpu/stack_plan.hpp"
#include "cpu/translate.hpp"

namespace tine::cpu {

/// Offsets in a TLB entry.
inline constexpr u32 entry_start = 0, entry_limit8 = 8, entry_limit64 = 16, entry_host = 24;

/// A memory operand as the emitted instruction has it: [base + index * 2^scale + displacement].
struct HostOperand {
  u8 base, index, scale;
  i32 displacement;
};

/// A lookup through a window of its site, as far as it is emitted.
struct WindowSite {
  u32 window = 0; ///< its offset in the context
  const u8 *thunk = nullptr;
  u8 *miss = nullptr;         ///< displacement of the jump to its stub
  u8 *continuation = nullptr; ///< after the check
  bool is_simple = false;     ///< r10 is the delta there, not the host address
};

/// Register convention in translated code: guest registers are in the host's registers of the same
/// name, rsp included, except r10 and r11, which live in the context and are scratch here. No
/// instruction's effect becomes visible before all its lookups have hit, so a miss starts the
/// instruction again.
class Emitter {
public:
  Emitter(CodeCache &cache, const Thunks &thunks, const TranslationSource &source, BlockIndex block)
      : cache_(cache), thunks_(thunks), source_(source), block_(block), hot_(cache.hot),
        cold_(cache.cold), start_(cache.hot) {}

  /// `live_before` and `live_after`: status flags around the instruction.
  void emit(const Instruction &instruction, u16 live_before, u16 live_after);
  /// The block ends without a branch: go on at `pc`.
  void emit_continuation(u64 pc, u16 live);
  /// The way in for indirect branches, which have put the status flags aside.
  void emit_indirect_entry(u16 live);
  /// The block jumps to itself: its memory operands get windows.
  void use_windows() { windows_ = true; }
  /// The first thing of a block with x87 instructions: makes their registers the
  /// guest's. The program counter lies before the address that the hook gets in r10.
  void emit_x87_hook();
  /// Group members are looked up together.
  void use_groups(const GroupPlan &plan) { groups_ = &plan; }
  void use_stack_plan(const StackPlan &plan) { plan_ = &plan; }

  [[nodiscard]] u8 *hot_end() const { return hot_.position(); }
  [[nodiscard]] u8 *cold_end() const { return cold_.position(); }

private:
  // emit_stack.cc
  void emit_stack_check(const Instruction &instruction);
  /// In the stub of a check for several accesses: to the variant once there is one, to C++ until
  /// then. `site` says what is checked.
  u8 *emit_variant_jump();
  void emit_range_exit(const Instruction &instruction, Site site, u8 *variant, const u8 *check);
  void load_stack_delta();
  /// OP reg, [rsp + index + displacement]
  void emit_stack_operand(u8 opcode, u8 reg, i32 displacement);
  void emit_stack_memory(const Instruction &instruction);
  // emit_memory.cc
  /// r10 or r11 = guest address
  void emit_effective_address(const Instruction &instruction, u8 to = r10);
  /// r10 = guest address on entry, host address on exit; clobbers r11; keeps flags if `save_flags`.
  void emit_lookup(const Instruction &instruction, bool write, u16 size, bool save_flags);
  /// Address and lookup of the memory operand. If the address is known, so is the TLB's entry.
  void emit_operand_lookup(const Instruction &instruction, bool write, u16 size, bool save_flags);
  /// r11 = offset of the TLB entry for the page of r10
  void emit_entry_of_r10();
  /// In the stub: near the run's end, limits are those of larger operands.
  void emit_exact_check(u32 tlb, u16 size, const u8 *hit);
  void emit_lookup_stub(const Instruction &instruction, bool write, u16 size, const u8 *hit);
  void emit_stack_lookup(const Instruction &instruction, bool write, i32 displacement,
                         bool save_flags);
  void emit_memory(const Instruction &instruction, bool save_flags, u16 live_after);
  void emit_patched(const Instruction &instruction, const HostOperand &operand);
  void emit_operand(const HostOperand &operand, unsigned reg_field);
  void emit_absolute_move(const Instruction &instruction, bool save_flags);
  // emit_window.cc
  /// The operand against host memory; clobbers r10, r11 and the status flags.
  HostOperand emit_window_lookup(const Instruction &instruction);
  void emit_window_stub(const Instruction &instruction, const WindowSite &site);
  // emit_group.cc
  void emit_group_check(const Instruction &instruction, u8 number);
  void emit_group_memory(const Instruction &instruction, bool save_flags, u16 live_after);
  // emit_string.cc
  [[nodiscard]] bool has_string_fast_path(const Instruction &instruction) const;
  void emit_string(const Instruction &instruction, bool save_flags, u16 live_after);
  std::array<u8 *, 2> emit_string_lookup(u8 pointer, bool write, u8 shift);
  // emit_plain.cc
  void emit_plain(const Instruction &instruction);
  void emit_lea(const Instruction &instruction);
  void emit_push(const Instruction &instruction, bool save_flags);
  void emit_pop(const Instruction &instruction, bool save_flags);
  void emit_leave(const Instruction &instruction, bool save_flags);
  void load_reserved(u8 mask);
  void store_reserved(u8 mask);
  // emit_control.cc
  void emit_call(const Instruction &instruction, u16 live_after);
  void emit_return(const Instruction &instruction);
  void emit_jump_indirect(const Instruction &instruction);
  void emit_jump_conditional(const Instruction &instruction, u16 live_after);
  void emit_jump_count(const Instruction &instruction, u16 live_after);
  /// To a known target: chained in the same page, through the jump cache otherwise.
  void emit_jump_to(u64 target, bool backward, u16 live);
  void emit_linked_jump(u64 target);
  void emit_linked_jump_across(u64 target);
  /// Where the status flags are that somebody will still read. r11 is clobbered.
  void save_flags_to_context();
  void restore_flags_from_context();
  [[nodiscard]] static bool needs_flags(const Instruction &instruction, u16 live_after) {
    return instruction.flags_read != 0 ||
           (instruction.flags_written != 0 && (live_after & ~instruction.flags_killed) != 0);
  }
  /// r10 = guest pc; live status flags are put aside.
  void emit_indirect_tail();
  void emit_poll(u64 target, u16 live);
  u32 new_link(u64 target);
  void emit_exit(const u8 *thunk, const Instruction &instruction, u8 detail);
  u32 new_site(const Instruction &instruction, u16 size, u8 detail);
  [[nodiscard]] bool same_page(u64 target) const {
    return source_.second_frame == no_index && (target >> page_shift) == (source_.pc >> page_shift);
  }

  /// Whether r10 is after the instruction what it was before.
  [[nodiscard]] bool keeps_r10(const Instruction &instruction) const;
  [[nodiscard]] bool leaves_after_one() const {
    return source_.mode == BlockMode::one_instruction || source_.mode == BlockMode::bounced;
  }

  CodeCache &cache_;
  const Thunks &thunks_;
  const TranslationSource &source_;
  BlockIndex block_;
  Assembler hot_, cold_;
  u8 *start_;
  u8 *instruction_start_ = nullptr;
  struct {
    u64 pc = 0;
    u8 length = 0;
  } last_; ///< the instruction being emitted
  u8 spilled_ = no_register;
  const StackPlan *plan_ = nullptr;
  const GroupPlan *groups_ = nullptr;
  u8 checked_groups_ = 0;              ///< bits
  u8 r10_group_ = GroupPlan::no_group; ///< whose pointer r10 is
  std::size_t index_ = 0;              ///< of the instruction in the block
  bool windows_ = false;
  bool in_group_ = false;  ///< it is a member of one
  bool in_window_ = false; ///< its stack access was checked with the block's
  bool r11_is_delta_ = false;
  bool flags_saved_ = false; ///< live status flags are in the context, not in hardware
};

} // namespace tine::cpu
