// Control flow: chaining, the jump cache, polls, and the ways out.
#include "cpu/emitter.hpp"

#include "cpu/vcpu_context.hpp"

#include <utility>

namespace tine::cpu {
namespace {
/// A vCPU may be asked to leave; every cycle of blocks contains one of: a backward direct branch,
/// an indirect branch.
constexpr u32 jump_cache_host = CONTEXT_JUMP_CACHES + 8;

/// r10 = guest pc, status flags put aside. The two displacements to resolve: a pending exit, a
/// miss.
std::pair<u8 *, u8 *> emit_jump_cache_lookup(Assembler &to) {
  to.compare_context_byte_zero(CONTEXT_EXIT_WORD);
  u8 *const leave = to.jump_condition_unresolved(Assembler::condition_not_equal);
  to.raw({{0xc4, 0x43, 0xfb, 0xf0, 0xda, 0x10}});            // rorx r11, r10, 16
  to.raw({{0x45, 0x31, 0xd3}});                              // xor r11d, r10d
  to.raw({{0x45, 0x0f, 0xb7, 0xdb}});                        // movzx r11d, r11w
  to.raw({{0x41, 0xc1, 0xe3, 0x04}});                        // shl r11d, 4: the size of an entry
  to.context_absolute(0x03, r11, CONTEXT_JUMP_CACHE_OFFSET); // add
  to.context_indexed(0x3b, r10, r11, CONTEXT_JUMP_CACHES);   // cmp
  u8 *const miss = to.jump_condition_unresolved(Assembler::condition_not_equal);
  to.jump_context_indexed(r11, jump_cache_host);
  return {leave, miss};
}
} // namespace

void forward_through_jump_cache(CodeCache &cache, const Thunks &thunks, Link &link) {
  Assembler to(cache.cold);
  u8 *const start = to.position();
  to.move(r11, rax);
  to.flags_to_rax();
  to.store_context(CONTEXT_SAVED_FLAGS, rax);
  to.move(rax, r11);
  to.move_immediate(r10, link.target_pc);
  const auto [leave, miss] = emit_jump_cache_lookup(to);
  Assembler::resolve(leave, to.position());
  Assembler::resolve(miss, to.position());
  to.jump(thunks.indirect);
  cache.cold = to.position();
  cache.commit();
  cache.redirect(link.displacement, cache.offset_of(start));
}

u32 Emitter::new_site(const Instruction &instruction, u16 size, u8 detail) {
  Site site;
  site.pc = instruction.pc;
  site.resume = cache_.offset_of(instruction_start_);
  site.block = block_;
  site.size = size;
  site.in_group = checked_groups_ != 0;
  site.detail = detail;
  site.length = instruction.length;
  return cache_.sites.push_back(site);
}

void Emitter::emit_exit(const u8 *thunk, const Instruction &instruction, u8 detail) {
  restore_flags_from_context();
  hot_.store_context_dword(CONTEXT_EXIT_DATA, new_site(instruction, 0, detail));
  hot_.jump(thunk);
}

u32 Emitter::new_link(u64 target) {
  Link link;
  link.target_pc = target;
  link.source = block_;
  link.stub = cache_.offset_of(cold_.position());
  const u32 index = cache_.links.push_back(link);
  cold_.store_context_dword(CONTEXT_EXIT_DATA, index);
  cold_.jump(thunks_.link);
  return index;
}

void Emitter::emit_linked_jump(u64 target) {
  while ((reinterpret_cast<std::uintptr_t>(hot_.position()) & 3) != 3)
    hot_.byte(0x90); // the displacement is patched while others may run it: one aligned store
  u8 *const displacement = hot_.jump_unresolved();
  const u32 link = new_link(target);
  cache_.links[link].displacement = cache_.offset_of(displacement);
  Assembler::resolve(displacement, cache_.at(cache_.links[link].stub));
  const BlockIndex known = cache_.find(target, source_.frame, no_index, BlockMode::normal);
  if (known != no_index)
    cache_.chain(link, known);
}

void Emitter::emit_poll(u64 target, u16 live) {
  u8 *leave;
  u8 *stay = nullptr;
  if (live) {
    hot_.store_context(CONTEXT_SPILL_RCX, rcx);
    hot_.load_context(rcx, CONTEXT_EXIT_WORD);
    stay = hot_.jump_rcx_zero_short();
    leave = hot_.jump_unresolved();
    Assembler::resolve_short(stay, hot_.position());
    hot_.load_context(rcx, CONTEXT_SPILL_RCX);
  } else {
    hot_.compare_context_byte_zero(CONTEXT_EXIT_WORD);
    leave = hot_.jump_condition_unresolved(Assembler::condition_not_equal);
  }
  Assembler::resolve(leave, cold_.position());
  if (live)
    cold_.load_context(rcx, CONTEXT_SPILL_RCX);
  cold_.move_immediate(r10, target);
  cold_.store_context(CONTEXT_NEXT_PC, r10);
  cold_.jump(thunks_.poll);
}

void Emitter::emit_indirect_tail() {
  if (leaves_after_one()) {
    restore_flags_from_context();
    hot_.store_context(CONTEXT_NEXT_PC, r10);
    hot_.jump(thunks_.step);
    return;
  }
  const auto [leave, miss] = emit_jump_cache_lookup(hot_);
  Assembler::resolve(leave, cold_.position());
  Assembler::resolve(miss, cold_.position());
  Site site;
  site.pc = last_.pc;
  site.length = last_.length;
  site.block = block_;
  cold_.store_context_dword(CONTEXT_EXIT_DATA, cache_.sites.push_back(site));
  cold_.jump(thunks_.indirect);
}

void Emitter::emit_linked_jump_across(u64 target) {
  // cmp dword ptr gs:[code page of the target], which; jne stub; nop; jmp target
  while ((reinterpret_cast<std::uintptr_t>(hot_.position()) & 3) != 0)
    hot_.byte(0x90);
  const u32 entry = static_cast<u32>((target >> page_shift) % code_page_entries);
  hot_.compare_context_dword(CONTEXT_CODE_PAGES + entry * 4, 0);
  const CodeOffset page_check = cache_.offset_of(hot_.position() - 4);
  u8 *const other = hot_.jump_condition_unresolved(Assembler::condition_not_equal);
  hot_.byte(0x90);
  u8 *const displacement = hot_.jump_unresolved();
  const u32 link = new_link(target);
  cache_.links[link].displacement = cache_.offset_of(displacement);
  cache_.links[link].page_check = page_check;
  Assembler::resolve(displacement, cache_.at(cache_.links[link].stub));
  Assembler::resolve(other, cold_.position());
  std::swap(hot_, cold_);
  hot_.move_immediate(r10, target);
  emit_indirect_tail();
  std::swap(hot_, cold_);
}

void Emitter::emit_jump_to(u64 target, bool backward, u16 live) {
  if (leaves_after_one() || (!same_page(target) && live)) {
    if (live)
      save_flags_to_context();
    hot_.move_immediate(r10, target);
    emit_indirect_tail();
    return;
  }
  if (live)
    restore_flags_from_context();
  if (backward)
    emit_poll(target, live);
  if (same_page(target))
    emit_linked_jump(target);
  else
    emit_linked_jump_across(target);
}

void Emitter::emit_continuation(u64 pc, u16 live) {
  emit_jump_to(pc, false, live);
}

void Emitter::emit_call(const Instruction &instruction, u16 live_after) {
  const u64 return_address = instruction.next_pc();
  const bool direct = instruction.kind == InstructionKind::call_direct;
  const bool save_flags = !direct || live_after != 0;
  const bool memory = instruction.memory.size != 0;
  const u8 reg = static_cast<u8>(direct ? 0
                                        : (instruction.bytes[instruction.modrm_offset] & 7) |
                                              (instruction.rex & 1 ? 8 : 0));
  if (!direct && memory) {
    emit_operand_lookup(instruction, false, 8, save_flags);
    hot_.load(r10, r10);
    hot_.store_context(CONTEXT_SPILL_VALUE, r10);
  } else if (!direct && reg == rsp) {
    hot_.store_context(CONTEXT_SPILL_VALUE, rsp);
  }
  if (in_window_) {
    load_stack_delta();
    hot_.move_immediate(r10, return_address);
    emit_stack_operand(0x89, r10, -8);
  } else {
    emit_stack_lookup(instruction, true, -8, save_flags);
    hot_.move_immediate(r11, return_address);
    hot_.store(r10, r11);
  }
  r11_is_delta_ = false;
  hot_.lea(rsp, rsp, -8);
  if (direct) {
    emit_jump_to(instruction.target, instruction.target <= instruction.pc, live_after);
    return;
  }
  if (memory || reg == rsp)
    hot_.load_context(r10, CONTEXT_SPILL_VALUE);
  else if (reg == r10 || reg == r11)
    hot_.load_context(r10, reg == r10 ? CONTEXT_R10 : CONTEXT_R11);
  else
    hot_.move(r10, reg);
  save_flags_to_context();
  emit_indirect_tail();
}

void Emitter::emit_return(const Instruction &instruction) {
  if (in_window_) {
    load_stack_delta();
    emit_stack_operand(0x8b, r10, 0);
  } else {
    emit_stack_lookup(instruction, false, 0, true);
    hot_.load(r10, r10);
  }
  hot_.lea(rsp, rsp, static_cast<i32>(8 + instruction.target));
  save_flags_to_context();
  emit_indirect_tail();
}

void Emitter::emit_jump_indirect(const Instruction &instruction) {
  const u8 reg = static_cast<u8>((instruction.bytes[instruction.modrm_offset] & 7) |
                                 (instruction.rex & 1 ? 8 : 0));
  if (instruction.memory.size != 0) {
    emit_operand_lookup(instruction, false, 8, true);
    hot_.load(r10, r10);
  } else if (reg == r10 || reg == r11) {
    hot_.load_context(r10, reg == r10 ? CONTEXT_R10 : CONTEXT_R11);
  } else {
    hot_.move(r10, reg);
  }
  save_flags_to_context();
  emit_indirect_tail();
}

void Emitter::emit_jump_conditional(const Instruction &instruction, u16 live_after) {
  const bool backward = instruction.target <= instruction.pc;
  restore_flags_from_context();
  const bool simple = !leaves_after_one() && same_page(instruction.target) && !backward;
  if (simple) {
    while ((reinterpret_cast<std::uintptr_t>(hot_.position()) & 3) != 2)
      hot_.byte(0x90);
    u8 *const displacement = hot_.jump_condition_unresolved(instruction.condition);
    const u32 link = new_link(instruction.target);
    cache_.links[link].displacement = cache_.offset_of(displacement);
    Assembler::resolve(displacement, cache_.at(cache_.links[link].stub));
    const BlockIndex known =
        cache_.find(instruction.target, source_.frame, no_index, BlockMode::normal);
    if (known != no_index)
      cache_.chain(link, known);
  } else {
    u8 *const not_taken =
        hot_.jump_condition_unresolved(static_cast<u8>(instruction.condition ^ 1));
    emit_jump_to(instruction.target, backward, live_after);
    Assembler::resolve(not_taken, hot_.position());
    flags_saved_ = false;
  }
  emit_jump_to(instruction.next_pc(), false, live_after);
}

void Emitter::emit_jump_count(const Instruction &instruction, u16 live_after) {
  restore_flags_from_context();
  if (instruction.address_size_prefix)
    hot_.byte(0x67);
  hot_.byte(instruction.bytes[instruction.opcode_offset]);
  hot_.byte(5);
  u8 *const not_taken = hot_.jump_unresolved();
  emit_jump_to(instruction.target, instruction.target <= instruction.pc, live_after);
  Assembler::resolve(not_taken, hot_.position());
  flags_saved_ = false;
  emit_jump_to(instruction.next_pc(), false, live_after);
}

} // namespace tine::cpu
