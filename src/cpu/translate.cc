#include "cpu/translate.hpp"

#include "cpu/emitter.hpp"
#include "cpu/flags_liveness.hpp"
#include "cpu/vcpu_context.hpp"

namespace tine::cpu {
namespace {

using Kind = InstructionKind;

bool ends_block(Kind kind) {
  switch (kind) {
  case Kind::plain:
  case Kind::nop:
  case Kind::lea:
  case Kind::memory:
  case Kind::absolute_move:
  case Kind::push_register:
  case Kind::push_immediate:
  case Kind::push_memory:
  case Kind::pop_register:
  case Kind::pop_memory:
  case Kind::leave:
    return false;
  default:
    return true;
  }
}

struct Decoded {
  std::array<Instruction, most_instructions> instructions;
  std::array<u16, most_instructions> live;
  std::size_t count = 0;
  u16 live_out = status_flags;
};

/// Status flags live after the block.
u16 live_after_block(const Instruction &last, const CodeReader &reader) {
  switch (last.kind) {
  case Kind::jump_direct:
  case Kind::call_direct:
    return flags_live_at(last.target, reader);
  case Kind::jump_conditional:
  case Kind::jump_count: {
    const u16 taken = flags_live_at(last.target, reader);
    return taken == status_flags ? taken
                                 : static_cast<u16>(taken | flags_live_at(last.next_pc(), reader));
  }
  case Kind::move_string:
    return flags_live_at(last.next_pc(), reader);
  default:
    return ends_block(last.kind) ? status_flags : flags_live_at(last.next_pc(), reader);
  }
}

void decode_block(const TranslationSource &source, Decoded &decoded) {
  u64 pc = source.pc;
  std::span<const u8> bytes = source.bytes;
  const bool whole = source.mode == BlockMode::normal || source.mode == BlockMode::no_window;
  const std::size_t most = whole && source.second_frame == no_index ? most_instructions : 1;
  while (decoded.count < most) {
    Instruction &instruction = decoded.instructions[decoded.count];
    if (bytes.empty() || !decode(bytes, pc, instruction))
      break;
    ++decoded.count;
    if (ends_block(instruction.kind))
      break;
    pc = instruction.next_pc();
    bytes = bytes.subspan(instruction.length);
  }
}

u8 *emit_thunk(Assembler &to, ExitKind kind) {
  u8 *const start = to.position();
  to.store_context_dword(CONTEXT_EXIT_KIND, static_cast<u32>(kind));
  to.move_immediate(r10, reinterpret_cast<u64>(&tine_cpu_exit));
  to.raw({{0x41, 0xff, 0xe2}}); // jmp r10
  return start;
}

/// r10 = offset from the entry's start, r11 = the entry.
u8 *emit_miss_thunk(Assembler &to, ExitKind kind, u32 tlb) {
  u8 *const start = to.position();
  to.context_indexed(0x8b, r11, r11, tlb);
  to.lea_sum(r10, r10, r11);
  to.store_context(CONTEXT_FAULT_ADDRESS, r10);
  emit_thunk(to, kind);
  return start;
}

/// r10 = offset from the window's start to the first byte wanted; context.spill_value = where to go
/// if the write TLB has no other window for it, or, five bytes on, if the window was replaced.
u8 *emit_stack_refill_thunk(Assembler &to) {
  constexpr u32 window = CONTEXT_STACK_WINDOW, entry = CONTEXT_TLB_WRITE;
  u8 *const start = to.position();
  to.context_absolute(0x03, r10, window); // the address
  to.move(r11, r10);
  to.raw({{0x49, 0xc1, 0xeb, 0x07, 0x41, 0x81, 0xe3}}); // shr r11, 7; and r11d, ...
  to.dword(4095U << 5);
  to.context_indexed(0x2b, r10, r11, entry);     // sub
  to.context_indexed(0x3b, r10, r11, entry + 8); // cmp
  u8 *const absent = to.jump_condition_unresolved(Assembler::condition_above_equal);
  to.context_indexed(0x8b, r10, r11, entry);
  to.context_absolute(0x3b, r10, window);
  u8 *const same = to.jump_condition_unresolved(Assembler::condition_equal);
  to.store_context(window, r10);
  to.context_indexed(0x8b, r10, r11, entry + 24);
  to.context_indexed(0x2b, r10, r11, entry);
  to.store_context(window + 8, r10);
  to.context_indexed(0x8b, r10, r11, entry + 8); // bytes - 7
  i32 excess = 7;
  for (std::size_t i = 0; i < StackWindow::spans.size(); ++i) {
    const i32 wanted = static_cast<i32>(StackWindow::spans[i]) - 1;
    to.lea(r10, r10, excess - wanted);
    excess = wanted;
    to.store_context(window + 16 + 8 * static_cast<u32>(i), r10);
  }
  to.load_context(r11, CONTEXT_SPILL_VALUE);
  to.raw({{0x49, 0x83, 0xc3, 0x05, 0x41, 0xff, 0xe3}}); // add r11, 5; jmp r11
  Assembler::resolve(absent, to.position());
  Assembler::resolve(same, to.position());
  to.load_context(r11, CONTEXT_SPILL_VALUE);
  to.raw({{0x41, 0xff, 0xe3}}); // jmp r11
  return start;
}

} // namespace

Thunks emit_thunks(CodeCache &cache) {
  Assembler to(cache.cold);
  Thunks thunks;
  thunks.read_miss = emit_miss_thunk(to, ExitKind::read_miss, CONTEXT_TLB_READ);
  thunks.write_miss = emit_miss_thunk(to, ExitKind::write_miss, CONTEXT_TLB_WRITE);
  thunks.window_read8 = emit_window_thunk(to, false, false);
  thunks.window_read64 = emit_window_thunk(to, false, true);
  thunks.window_write8 = emit_window_thunk(to, true, false);
  thunks.window_write64 = emit_window_thunk(to, true, true);
  thunks.stack_refill = emit_stack_refill_thunk(to);
  thunks.range_miss = emit_thunk(to, ExitKind::range_miss);
  thunks.link = emit_thunk(to, ExitKind::link);
  thunks.indirect = to.position();
  to.store_context(CONTEXT_NEXT_PC, r10);
  to.store_context(CONTEXT_SPILL_RAX, rax);
  to.load_context(rax, CONTEXT_SAVED_FLAGS);
  to.flags_from_rax();
  to.load_context(rax, CONTEXT_SPILL_RAX);
  emit_thunk(to, ExitKind::indirect);
  thunks.helper = emit_thunk(to, ExitKind::helper);
  thunks.raise = emit_thunk(to, ExitKind::raise);
  thunks.poll = emit_thunk(to, ExitKind::poll);
  thunks.step = emit_thunk(to, ExitKind::step);
  thunks.system_call = emit_thunk(to, ExitKind::system_call);
  thunks.x87_load = to.position();
  to.raw({{0x4d, 0x8b, 0x52, 0xf8}}); // mov r10, [r10 - 8]
  to.store_context(CONTEXT_NEXT_PC, r10);
  emit_thunk(to, ExitKind::load_x87);
  thunks.x87_loaded = to.position();
  to.raw({{0x41, 0xff, 0xe2}}); // jmp r10
  cache.set_thunks_end(to.position());
  return thunks;
}

void Emitter::emit(const Instruction &instruction, u16 live_before, u16 live_after) {
  instruction_start_ = hot_.position();
  spilled_ = no_register;
  last_ = {instruction.pc, instruction.length};
  const bool save_flags = live_before != 0;
  if (plan_ && plan_->used && index_ == plan_->check_at) {
    if (live_before != 0)
      save_flags_to_context();
    emit_stack_check(instruction);
  }
  in_window_ = plan_ && plan_->covered[index_];
  const u8 group = groups_ ? groups_->group_of[index_] : GroupPlan::no_group;
  in_group_ = group != GroupPlan::no_group;
  ++index_;
  if (!keeps_r10(instruction))
    r10_group_ = GroupPlan::no_group;
  const bool is_checked = in_window_ || (in_group_ && (checked_groups_ & 1U << group));
  const bool may_use_r11 = !is_checked && instruction.kind != Kind::nop &&
                           ((instruction.kind != Kind::plain && instruction.kind != Kind::lea) ||
                            (instruction.data_reads | instruction.data_writes) != 0 ||
                            instruction.memory.base == r11 || instruction.memory.index == r11);
  if (may_use_r11)
    r11_is_delta_ = false;
  if (instruction.kind == Kind::plain && needs_flags(instruction, live_after))
    restore_flags_from_context();
  switch (instruction.kind) {
  case Kind::plain:
    emit_plain(instruction);
    break;
  case Kind::nop:
    break;
  case Kind::lea:
    emit_lea(instruction);
    break;
  case Kind::memory:
    emit_memory(instruction, save_flags, live_after);
    break;
  case Kind::absolute_move:
    emit_absolute_move(instruction, save_flags);
    break;
  case Kind::push_register:
  case Kind::push_immediate:
  case Kind::push_memory:
    emit_push(instruction, save_flags);
    break;
  case Kind::pop_register:
  case Kind::pop_memory:
    emit_pop(instruction, save_flags);
    break;
  case Kind::leave:
    emit_leave(instruction, save_flags);
    break;
  case Kind::call_direct:
  case Kind::call_indirect:
    emit_call(instruction, live_after);
    break;
  case Kind::ret:
    emit_return(instruction);
    break;
  case Kind::jump_direct:
    emit_jump_to(instruction.target, instruction.target <= instruction.pc, live_after);
    break;
  case Kind::jump_indirect:
    emit_jump_indirect(instruction);
    break;
  case Kind::jump_conditional:
    emit_jump_conditional(instruction, live_after);
    break;
  case Kind::jump_count:
    emit_jump_count(instruction, live_after);
    break;
  case Kind::system_call:
    restore_flags_from_context();
    hot_.move_immediate(r10, instruction.next_pc());
    hot_.store_context(CONTEXT_NEXT_PC, r10);
    hot_.jump(thunks_.system_call);
    break;
  case Kind::move_string:
    if (has_string_fast_path(instruction))
      emit_string(instruction, save_flags, live_after);
    else
      emit_exit(thunks_.helper, instruction, 0);
    break;
  case Kind::helper:
  case Kind::x87_environment:
    emit_exit(thunks_.helper, instruction, 0);
    break;
  case Kind::breakpoint:
    emit_exit(thunks_.raise, instruction, static_cast<u8>(Raise::breakpoint));
    break;
  case Kind::illegal:
    emit_exit(thunks_.raise, instruction, static_cast<u8>(Raise::illegal));
    break;
  case Kind::protection:
    emit_exit(thunks_.raise, instruction, static_cast<u8>(Raise::protection));
    break;
  case Kind::unsupported:
    emit_exit(thunks_.raise, instruction, static_cast<u8>(Raise::unsupported));
    break;
  }
  Place place;
  place.host_offset = static_cast<u16>(instruction_start_ - start_);
  place.guest_offset = static_cast<u16>(instruction.pc - source_.pc);
  place.spilled = spilled_;
  place.flags_saved = flags_saved_;
  cache_.places.push_back(place);
  if (instruction.flags_written != 0)
    flags_saved_ = false;
}

void Emitter::emit_x87_hook() {
  u8 *const displacement = hot_.lea_rip_unresolved(r10);
  hot_.context_absolute(0xff, 4, CONTEXT_X87_HOOK); // jmp
  hot_.dword(static_cast<u32>(source_.pc));
  hot_.dword(static_cast<u32>(source_.pc >> 32));
  Assembler::resolve(displacement, hot_.position());
}

void Emitter::emit_indirect_entry(u16 live) {
  Block &block = cache_.block(block_);
  block.indirect_host = live ? cache_.offset_of(cold_.position()) : block.host;
  if (!live)
    return;
  cold_.move(r11, rax);
  cold_.load_context(rax, CONTEXT_SAVED_FLAGS);
  cold_.flags_from_rax();
  cold_.move(rax, r11);
  cold_.jump(cache_.at(block.host));
}

BlockIndex translate(CodeCache &cache, const Thunks &thunks, const TranslationSource &source,
                     u64 &instruction_count) {
  Decoded decoded;
  decode_block(source, decoded);
  if (decoded.count == 0)
    return no_index;
  const Instruction &last = decoded.instructions[decoded.count - 1];
  if (source.mode == BlockMode::normal || source.mode == BlockMode::no_window)
    decoded.live_out = live_after_block(last, *source.reader);
  flags_live_before(std::span(decoded.instructions).first(decoded.count), decoded.live_out,
                    decoded.live);

  Block block;
  block.pc = source.pc;
  block.frame = source.frame;
  block.second_frame = source.second_frame;
  block.mode = source.mode;
  block.flags_live = decoded.live[0];
  block.host = cache.offset_of(cache.hot);
  block.first_place = cache.places.size();
  block.place_count = static_cast<u16>(decoded.count);
  const BlockIndex index = cache.add(block);
  Emitter emitter(cache, thunks, source, index);
  if (std::any_of(decoded.instructions.begin(), decoded.instructions.begin() + decoded.count,
                  [](const Instruction &instruction) { return instruction.x87; }))
    emitter.emit_x87_hook();
  StackPlan plan;
  GroupPlan groups;
  if (source.mode == BlockMode::normal) {
    plan = plan_stack(std::span(decoded.instructions).first(decoded.count),
                      std::span<const u16>(decoded.live).first(decoded.count));
    emitter.use_stack_plan(plan);
    groups = plan_groups(std::span(decoded.instructions).first(decoded.count), plan.covered);
    emitter.use_groups(groups);
  }
  const bool is_branch = last.kind == Kind::jump_conditional || last.kind == Kind::jump_direct ||
                         last.kind == Kind::jump_count;
  if (is_branch && last.target == source.pc && source.mode == BlockMode::normal)
    emitter.use_windows();
  for (std::size_t i = 0; i < decoded.count; ++i)
    emitter.emit(decoded.instructions[i], decoded.live[i],
                 i + 1 < decoded.count ? decoded.live[i + 1] : decoded.live_out);
  if (!ends_block(last.kind))
    emitter.emit_continuation(last.next_pc(), decoded.live_out);
  emitter.emit_indirect_entry(decoded.live[0]);
  cache.block(index).host_end = cache.offset_of(emitter.hot_end());
  cache.hot = emitter.hot_end();
  cache.cold = emitter.cold_end();
  cache.commit();
  instruction_count += decoded.count;
  return index;
}

} // namespace tine::cpu
