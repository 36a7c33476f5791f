// Stack accesses through the vCPU's stack window: one check a block, then [rsp + delta].
#include "cpu/emitter.hpp"
#include "cpu/vcpu_context.hpp"

namespace tine::cpu {
namespace {
constexpr u32 window_start = CONTEXT_STACK_WINDOW;
constexpr u32 window_delta = CONTEXT_STACK_WINDOW + 8;
constexpr u32 window_limits = CONTEXT_STACK_WINDOW + 16;
} // namespace

/// If the check fails, a thunk fetches another window from the write TLB and it is tried again; if
/// the accesses don't fit in that either, the block's variant without a window runs, from this
/// instruction on.
void Emitter::emit_stack_check(const Instruction &instruction) {
  r10_group_ = GroupPlan::no_group;
  u8 *const check = hot_.position();
  hot_.lea(r10, rsp, plan_->low);
  hot_.context_absolute(0x2b, r10, window_start);                      // sub
  hot_.context_absolute(0x3b, r10, window_limits + 8U * plan_->limit); // cmp
  u8 *const miss = hot_.jump_condition_unresolved(Assembler::condition_above_equal);
  Assembler::resolve(miss, cold_.position());
  u8 *const tail_displacement = cold_.lea_rip_unresolved(r11);
  cold_.store_context(CONTEXT_SPILL_VALUE, r11);
  cold_.jump(thunks_.stack_refill);
  u8 *const variant = emit_variant_jump();
  Assembler::resolve(tail_displacement, variant - 1);
  cold_.jump(check); // the thunk comes back here, five bytes on, with another window
  Site site;
  site.size = static_cast<u16>(plan_->span);
  site.low = plan_->low;
  emit_range_exit(instruction, site, variant, check);
}

u8 *Emitter::emit_variant_jump() {
  while ((reinterpret_cast<std::uintptr_t>(cold_.position()) & 3) != 3)
    cold_.byte(0x90); // the jump's displacement is patched
  return cold_.jump_unresolved();
}

void Emitter::emit_range_exit(const Instruction &instruction, Site site, u8 *variant,
                              const u8 *check) {
  Assembler::resolve(variant, cold_.position());
  if (flags_saved_) {
    cold_.store_context(CONTEXT_SPILL_RAX, rax);
    cold_.load_context(rax, CONTEXT_SAVED_FLAGS);
    cold_.flags_from_rax();
    cold_.load_context(rax, CONTEXT_SPILL_RAX);
  }
  site.pc = instruction.pc;
  site.resume = cache_.offset_of(check);
  site.block = block_;
  site.length = instruction.length;
  site.variant = cache_.offset_of(variant);
  site.detail = flags_saved_ ? 1 : 0;
  site.in_group = checked_groups_ != 0;
  cold_.store_context_dword(CONTEXT_EXIT_DATA, cache_.sites.push_back(site));
  cold_.jump(thunks_.range_miss);
}

void Emitter::load_stack_delta() {
  if (!r11_is_delta_)
    hot_.load_context(r11, window_delta);
  r11_is_delta_ = true;
}

void Emitter::emit_stack_operand(u8 opcode, u8 reg, i32 displacement) {
  hot_.byte(0x4aU | (reg >= 8 ? 4U : 0U)); // REX.WX
  hot_.byte(opcode);
  hot_.byte(0x44U | (reg & 7U) << 3);
  hot_.byte((r11 & 7U) << 3 | rsp);
  hot_.byte(static_cast<u8>(displacement));
}

void Emitter::emit_stack_memory(const Instruction &instruction) {
  const u8 data = instruction.data_reads | instruction.data_writes;
  u8 index = r11;
  if (data & 2) {
    hot_.load_context(r10, window_delta);
    index = r10;
    r11_is_delta_ = false;
  } else {
    load_stack_delta();
  }
  load_reserved(data);
  emit_patched(instruction, {rsp, index, 0, instruction.memory.displacement});
  store_reserved(instruction.data_writes);
}

} // namespace tine::cpu
