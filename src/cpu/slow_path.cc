// What happens when translated code comes back to C++.
#include "base/log.hpp"
#include "cpu/decode.hpp"
#include "cpu/interpreter.hpp"
#include "cpu/vcpu_impl.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>

namespace tine::cpu {
namespace {
constexpr int trap_trace = 2;     // TRAP_TRACE
constexpr int from_kernel = 0x80; // SI_KERNEL
constexpr u64 vector_debug = 1, vector_breakpoint = 3, vector_invalid_opcode = 6, vector_stack = 12,
              vector_protection = 13, vector_page_fault = 14;
constexpr u64 fault_present = 1, fault_write = 2, fault_user = 4, fault_fetch = 16;

Exit signal_exit(int signal, int code, u64 address, u64 vector) {
  Exit exit;
  exit.reason = ExitReason::signal;
  exit.signal = signal;
  exit.code = code;
  exit.address = GuestAddress(address);
  exit.trap_number = vector;
  return exit;
}
bool is_canonical(u64 address) {
  return static_cast<u64>(static_cast<i64>(address << 16) >> 16) == address;
}
/// Of an operand's first access. The processor reads and writes 80 bits as 64, then 16: a page
/// fault of the former comes before a protection fault of the latter.
u16 first_piece(u16 size) {
  return size == 10 ? u16{8} : size;
}
} // namespace

Exit page_fault_exit(memory::FaultOutcome outcome, u64 address, memory::Access access) {
  Exit exit = signal_exit(SIGSEGV, SEGV_MAPERR, address, vector_page_fault);
  exit.error_code = fault_user;
  if (access == memory::Access::write)
    exit.error_code |= fault_write;
  if (access == memory::Access::execute)
    exit.error_code |= fault_fetch;
  if (outcome == memory::FaultOutcome::accerr) {
    exit.code = SEGV_ACCERR;
    exit.error_code |= fault_present;
  } else if (outcome == memory::FaultOutcome::bus) {
    exit.signal = SIGBUS;
    exit.code = BUS_ADRERR;
  } else if (outcome == memory::FaultOutcome::out_of_memory) {
    exit.out_of_memory = true;
    exit.signal = SIGKILL;
  }
  return exit;
}

Exit protection_exit() {
  return signal_exit(SIGSEGV, from_kernel, 0, vector_protection);
}

bool VcpuImpl::handle_exit(CpuState &state, Exit &exit) {
  switch (context->exit_kind) {
  case ExitKind::system_call:
    state.rip = context->next_pc;
    state.gpr[rcx] = state.rip;
    state.gpr[r11] = state.rflags;
    exit = Exit{};
    exit.reason = ExitReason::system_call;
    return false;
  case ExitKind::indirect:
    state.rip = context->next_pc;
    if (is_canonical(state.rip))
      return true;
    return handle_non_canonical_target(state, exit);
  case ExitKind::poll:
    state.rip = context->next_pc;
    return true;
  case ExitKind::step:
    state.rip = context->next_pc;
    exit = signal_exit(SIGTRAP, trap_trace, state.rip, vector_debug);
    return false;
  case ExitKind::read_miss:
    return handle_miss(state, false, exit);
  case ExitKind::write_miss:
    return handle_miss(state, true, exit);
  case ExitKind::range_miss:
    return handle_range_miss(state, exit);
  case ExitKind::link:
    return handle_link(state, exit);
  case ExitKind::window:
    handle_scattered_site(state);
    return true;
  case ExitKind::helper: {
    const KernelGuard guard(machine.lock);
    state.rip = departure_.site.pc;
    return run_helper(state, exit);
  }
  case ExitKind::raise:
    return handle_raise(state, exit);
  case ExitKind::load_x87:
    state.rip = context->next_pc;
    set_x87_loaded(true);
    return true;
  case ExitKind::host_fault: {
    const KernelGuard guard(machine.lock);
    return handle_host_fault(state, exit);
  }
  }
  return false;
}

bool VcpuImpl::handle_link(CpuState &state, Exit &exit) {
  const KernelGuard guard(machine.lock);
  const u32 index = context->exit_data;
  const u64 target = departure_.target;
  state.rip = target;
  const u8 *host = machine.code_for(*this, target, BlockMode::normal, exit);
  if (!host)
    return false;
  if (!was_reset_since()) {
    Link &link = machine.cache->links[index];
    const Block &block = machine.cache->block(machine.last_found);
    const Block &source = machine.cache->block(link.source);
    if (block.second_frame == no_index && !source.dropped &&
        (link.page_check || block.frame == source.frame))
      machine.cache->chain(index, machine.last_found,
                           machine.code_pages.number_of(target >> page_shift, block.frame));
    else if (!source.dropped && machine.cache->has_room()) {
      forward_through_jump_cache(*machine.cache, machine.thunks, link);
      jump_cache.remember(target, machine.cache->at(block.indirect_host));
    }
  }
  next_host_ = host;
  return true;
}

/// The accesses of a check may be in the TLB after a fault, or never: then the block's variant
/// runs. Nothing is known about whether they will all happen, so nothing is reported here.
bool VcpuImpl::handle_range_miss(CpuState &state, Exit &exit) {
  const KernelGuard guard(machine.lock);
  const Site &site = departure_.site;
  memory::AddressSpace &in = *space.load();
  u64 address = state.gpr[site.base] + static_cast<u64>(static_cast<i64>(site.low));
  if (site.index != no_register)
    address += state.gpr[site.index] << site.scale;
  const GuestAddress first(address);
  const GuestAddress last = first + (site.size - 1U);
  state.rip = site.pc;
  const auto translation =
      last.value < user_address_limit && first <= last ? in.lookup(first) : std::nullopt;
  const bool fits = translation && (translation->writable || !site.write) &&
                    translation->run.contains(last.page()) &&
                    (first.value >> 16) == (last.value >> 16);
  Tlb &tlb = site.write ? write_tlb : read_tlb;
  // The stack window's refill has looked at the entry: what is there doesn't help.
  if (fits && !was_reset_since() && (site.base != rsp || tlb.is_empty(first.page()))) {
    tlb.fill(*translation, first.page());
    next_host_ = machine.cache->at(site.resume);
    return true;
  }
  const u8 *variant = machine.code_for(*this, site.pc, BlockMode::no_window, exit);
  if (!variant)
    return false;
  const Block &block = machine.cache->block(machine.last_found);
  // Where the live flags are at the check.
  const CodeOffset entry = site.detail ? block.indirect_host : block.host;
  variant = machine.cache->at(entry);
  if (!was_reset_since())
    machine.cache->redirect(site.variant, entry);
  next_host_ = variant;
  return true;
}

/// A site's window was filled often. If that went fast, the site is better off with
/// the TLB: its block is translated again.
void VcpuImpl::handle_scattered_site(CpuState &state) {
  const KernelGuard guard(machine.lock);
  const Site &site = departure_.site;
  state.rip = site.pc;
  if (was_reset_since())
    return;
  if (!windows.was_filled_fast()) {
    next_host_ = machine.cache->at(site.resume);
    return;
  }
  const Block &block = machine.cache->block(site.block);
  machine.cache->add_scattered_site(block.frame, site.pc);
  machine.cache->drop_block(site.block);
  for (VcpuImpl *vcpu : machine.vcpus)
    vcpu->jump_cache.forget(block.pc);
}

bool VcpuImpl::handle_miss(CpuState &state, bool write, Exit &exit) {
  const KernelGuard guard(machine.lock);
  const Site &site = departure_.site;
  const u64 address = context->fault_address;
  const auto access = write ? memory::Access::write : memory::Access::read;
  const u64 version = observer->version;
  memory::AddressSpace &in = *space.load();
  const u64 drops = stack_window_drops_, removals = removals_;
  ++machine.statistics.tlb_misses;
  state.rip = site.pc;
  const u64 last = address + site.size - 1;
  if (!is_canonical(address) || !is_canonical(address + first_piece(site.size) - 1)) {
    exit = protection_exit();
    if (uses_stack_segment(site)) { // #SS instead of #GP
      exit.signal = SIGBUS;
      exit.trap_number = vector_stack;
    }
    check_alignment_first(state, site, address, exit);
    return false;
  }
  const bool crosses = (address >> page_shift) != (last >> page_shift);
  memory::FaultResult result = in.resolve_fault(GuestAddress(address), access);
  if (!memory::is_resolved(result.outcome)) {
    exit = page_fault_exit(result.outcome, address, access);
    check_alignment_first(state, site, address, exit);
    return false;
  }
  memory::Translation translation = result.translation;
  bool fits = true;
  if (crosses) {
    const u64 second = round_down_to_page(last);
    result = in.resolve_fault(GuestAddress(second), access);
    if (!memory::is_resolved(result.outcome)) {
      exit = page_fault_exit(result.outcome, second, access);
      check_alignment_first(state, site, address, exit);
      return false;
    }
    const auto now = in.lookup(GuestAddress(address));
    fits = now && now->run.contains(GuestAddress(last).page()) && (!write || now->writable) &&
           (address >> 16) == (last >> 16);
    if (now)
      translation = *now;
  }
  // An instruction that writes its own page must not be translated again before it has written.
  if (!fits || (write && (writes_own_code(site, address, last) || !translation.writable)))
    return run_bounced(state, site, address, write, exit);
  const PageNumber page = GuestAddress(address).page();
  // The other TLB only where it is empty: an instruction with a read and a write whose pages
  // collide must not lose one translation to the other.
  (write ? write_tlb : read_tlb).fill(translation, page);
  if (write && read_tlb.is_empty(page))
    read_tlb.fill(translation, page);
  if (!write && translation.writable && write_tlb.is_empty(page))
    write_tlb.fill(translation, page);
  if (!was_reset_since() && observer->version == version && stack_window_drops_ == drops &&
      (removals_ == removals || !site.in_group) && !machine.cache->block(site.block).dropped)
    next_host_ = machine.cache->at(site.resume);
  return true;
}

/// The branch itself faults: undo what it did to rsp. (The return address that a call has pushed
/// stays in memory, below rsp.)
bool VcpuImpl::handle_non_canonical_target(CpuState &state, Exit &exit) {
  const KernelGuard guard(machine.lock);
  const Site &site = departure_.site;
  Instruction instruction;
  if (decode_again(site, instruction)) {
    state.rip = site.pc;
    if (instruction.kind == InstructionKind::ret)
      state.gpr[rsp] -= 8 + instruction.target;
    else if (instruction.kind == InstructionKind::call_indirect)
      state.gpr[rsp] += 8;
  }
  exit = protection_exit();
  return false;
}

bool VcpuImpl::handle_raise(CpuState &state, Exit &exit) {
  const KernelGuard guard(machine.lock);
  const Site &site = departure_.site;
  state.rip = site.pc;
  switch (static_cast<Raise>(site.detail)) {
  case Raise::breakpoint:
    state.rip += site.length;
    exit = signal_exit(SIGTRAP, from_kernel, 0, vector_breakpoint);
    return false;
  case Raise::protection:
    exit = protection_exit();
    return false;
  case Raise::unsupported: {
    std::string bytes;
    for (u8 i = 0; i < site.length; ++i) {
      std::array<std::byte, 1> byte{};
      if (!space.load()->force_read(GuestAddress(site.pc + i), byte).ok())
        break;
      bytes += fmt::format(" {:02x}", static_cast<u8>(byte[0]));
    }
    log::error("unsupported instruction at {:#x}:{}", site.pc, bytes);
    [[fallthrough]];
  }
  case Raise::illegal:
    exit = signal_exit(SIGILL, ILL_ILLOPN, site.pc, vector_invalid_opcode);
    return false;
  }
  return false;
}

bool VcpuImpl::run_helper(CpuState &state, Exit &exit) {
  if (context->x87_loaded)
    translate_x87_pointers(state);
  const bool was_stepping = single_step_;
  Interpreter interpreter(state, *space.load(), *context, exit);
  if (!interpreter.execute())
    return false;
  single_step_ = (state.rflags & trap_flag) != 0;
  if (was_stepping) {
    exit = signal_exit(SIGTRAP, trap_trace, state.rip, vector_debug);
    return false;
  }
  return true;
}

/// The kernel lock is held.
bool VcpuImpl::handle_host_fault(CpuState &state, Exit &exit) {
  const u8 *const host = reinterpret_cast<const u8 *>(host_fault.host_pc);
  const BlockIndex index = machine.cache->block_at(host);
  if (index == no_index) {
    log::error("host fault outside of any block: signal {} at {:#x}", host_fault.signal,
               host_fault.host_pc);
    exit = signal_exit(SIGKILL, from_kernel, 0, 0);
    return false;
  }
  const Block &block = machine.cache->block(index);
  if (const Place *place = machine.cache->place_at(block, host)) {
    state.rip = block.pc + place->guest_offset;
    if (place->spilled != 0xff)
      state.gpr[place->spilled] = context->spill_pointer;
    if (place->flags_saved)
      state.rflags = (state.rflags & ~u64{status_flags}) | (context->saved_flags >> 8 & 0xd5) |
                     (context->saved_flags & 1) << 11;
  }
  const bool has_address = host_fault.signal == SIGFPE || host_fault.signal == SIGILL;
  exit = signal_exit(host_fault.signal, host_fault.code, has_address ? state.rip : 0,
                     host_fault.trap_number);
  if (host_fault.signal == SIGSEGV)
    exit.error_code = host_fault.error_code;
  return false;
}

/// By page, since a copying fault gives the page another frame than the block was made from; and by
/// frame, for what is mapped twice.
bool VcpuImpl::writes_own_code(const Site &site, u64 first, u64 last) const {
  const Block &block = machine.cache->block(site.block);
  const PageNumber code_first = GuestAddress(site.pc).page();
  const PageNumber code_last = GuestAddress(site.pc + site.length - 1).page();
  const auto is_own = [&](PageNumber data) {
    if (data == code_first || data == code_last)
      return true;
    const std::optional<FrameNumber> frame = space.load()->frame_of(data);
    return frame && (frame->value == block.frame || frame->value == block.second_frame);
  };
  const PageNumber page = GuestAddress(first).page();
  const PageNumber last_page = GuestAddress(last).page();
  return is_own(page) || (last_page != page && is_own(last_page));
}

bool VcpuImpl::decode_again(const Site &site, Instruction &instruction) const {
  std::array<u8, 15> code{};
  return space.load()
             ->force_read(GuestAddress(site.pc),
                          std::as_writable_bytes(std::span(code).first(site.length)))
             .ok() &&
         decode(code, site.pc, instruction);
}

bool VcpuImpl::uses_stack_segment(const Site &site) const {
  Instruction instruction;
  if (!decode_again(site, instruction))
    return false;
  switch (instruction.kind) {
  case InstructionKind::memory:
  case InstructionKind::push_memory:
  case InstructionKind::jump_indirect:
    return instruction.memory.segment == Segment::none &&
           (instruction.memory.base == rsp || instruction.memory.base == rbp);
  case InstructionKind::absolute_move:
    return false;
  default:
    return true; // push, pop, call, ret, leave
  }
}

/// The instruction at the site, with `operand` in the bounce buffer as its memory operand. False:
/// the host raised a fault, or there is no code any more; `exit` says so.
bool VcpuImpl::run_on_bounce_buffer(CpuState &state, const Site &site, std::byte *operand,
                                    Exit &exit) {
  const u8 *host = machine.code_for(*this, site.pc, BlockMode::bounced, exit);
  if (!host)
    return false;
  context->bounce_pointer = reinterpret_cast<u64>(operand);
  context->resume = reinterpret_cast<u64>(host);
  tine_cpu_enter(context); // with the kernel lock held: one instruction, which ends in `step`
  return context->exit_kind != ExitKind::host_fault || handle_host_fault(state, exit);
}

/// A misaligned operand of an instruction that wants alignment is #GP even where nothing is mapped:
/// try it on the bounce buffer.
void VcpuImpl::check_alignment_first(CpuState &state, const Site &site, u64 address, Exit &exit) {
  Instruction instruction;
  if (site.size < 16 || (address & (site.size - 1U)) == 0 || !decode_again(site, instruction) ||
      instruction.kind != InstructionKind::memory)
    return;
  const CpuState before = state;
  Exit other;
  const bool completed =
      run_on_bounce_buffer(state, site, context->bounce.data() + (address & 63), other);
  state = before;
  if (!completed && other.signal == SIGSEGV && other.code == from_kernel)
    exit = other;
}

bool VcpuImpl::run_bounced(CpuState &state, const Site &site, u64 address, bool write, Exit &exit) {
  memory::AddressSpace &in = *space.load();
  Instruction instruction;
  if (!decode_again(site, instruction))
    return true;
  if (instruction.kind != InstructionKind::memory &&
      instruction.kind != InstructionKind::absolute_move)
    return run_helper(state, exit);
  // The bounce buffer keeps the operand's alignment within a cache line.
  std::byte *const operand = context->bounce.data() + (address & 63);
  const std::span<std::byte> bytes(operand, site.size);
  if (!in.read(GuestAddress(address), bytes).ok())
    return true;
  if (!run_on_bounce_buffer(state, site, operand, exit))
    return false;
  if (write && !in.write(GuestAddress(address), bytes).ok())
    return true;
  state.rip = context->next_pc;
  if (single_step_) {
    exit = signal_exit(SIGTRAP, trap_trace, state.rip, vector_debug);
    return false;
  }
  return true;
}

} // namespace tine::cpu
