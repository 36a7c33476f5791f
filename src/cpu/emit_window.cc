// Memory operands through a window of their site: see SiteWindow.
#include "cpu/emitter.hpp"
#include "cpu/vcpu_context.hpp"

#include <utility>

namespace tine::cpu {
namespace {
constexpr u32 site_window_start = 0, site_window_delta = 24;

/// What the thunk must know of a site; it lies in the code, behind the jump to the thunk.
struct WindowDescriptor {
  u64 continuation; ///< from here; it wants the window's delta in r10
  u32 window;       ///< its offset in the context
  u32 site;
  u8 size; ///< of the operand
  u8 flags_saved;
};
static_assert(offsetof(WindowDescriptor, window) == 8 && offsetof(WindowDescriptor, site) == 12 &&
              offsetof(WindowDescriptor, size) == 16 &&
              offsetof(WindowDescriptor, flags_saved) == 17);

/// The instruction leaves to C++, from the thunk: rcx and rdx are the guest's again.
void emit_window_exit(Assembler &to, ExitKind kind) {
  to.load_context(rcx, CONTEXT_SPILL_RCX);
  to.load_context(rdx, CONTEXT_SPILL_POINTER);
  to.raw({{0x45, 0x8b, 0x53, 0x0c}});       // mov r10d, [r11 + site]
  to.raw({{0x65, 0x44, 0x89, 0x14, 0x25}}); // mov gs:[..], r10d
  to.dword(CONTEXT_EXIT_DATA);
  to.raw({{0x41, 0x80, 0x7b, 0x11, 0x00}}); // cmp byte ptr [r11 + flags_saved], 0
  u8 *const in_hardware = to.jump_condition_unresolved(Assembler::condition_equal);
  to.store_context(CONTEXT_SPILL_RAX, rax);
  to.load_context(rax, CONTEXT_SAVED_FLAGS);
  to.flags_from_rax();
  to.load_context(rax, CONTEXT_SPILL_RAX);
  Assembler::resolve(in_hardware, to.position());
  to.store_context_dword(CONTEXT_EXIT_KIND, static_cast<u32>(kind));
  to.move_immediate(r10, reinterpret_cast<u64>(&tine_cpu_exit));
  to.raw({{0x41, 0xff, 0xe2}}); // jmp r10
}
} // namespace

/// Fills the window from the TLB and goes on behind the site's check. Status flags are clobbered.
const u8 *emit_window_thunk(Assembler &to, bool write, bool large) {
  constexpr u32 first_window = CONTEXT_READ_WINDOWS / sizeof(SiteWindow);
  const u32 tlb = write ? CONTEXT_TLB_WRITE : CONTEXT_TLB_READ;
  const u8 *const start = to.position();
  to.store_context(CONTEXT_SPILL_RCX, rcx);
  to.store_context(CONTEXT_SPILL_POINTER, rdx);
  to.store_context(CONTEXT_FAULT_ADDRESS, r10);
  to.raw({{0xc4, 0xc3, 0xfb, 0xf0, 0xca, 0x07}}); // rorx rcx, r10, 7
  to.raw({{0x81, 0xe1}});                         // and ecx, ...
  to.dword((tlb_entries - 1) << 5);
  to.context_indexed(0x2b, r10, rcx, tlb + entry_start);                            // sub
  to.context_indexed(0x3b, r10, rcx, tlb + (large ? entry_limit64 : entry_limit8)); // cmp
  u8 *const inside = to.jump_condition_unresolved(Assembler::condition_below);
  // Near the run's end: offset + size - 64 < limit64 = bytes - 63; what wraps around is above.
  to.raw({{0x41, 0x0f, 0xb6, 0x53, 0x10}});                // movzx edx, byte ptr [r11 + size]
  to.raw({{0x4a, 0x8d, 0x54, 0x12, 0xc0}});                // lea rdx, [rdx + r10 - 64]
  to.context_indexed(0x3b, rdx, rcx, tlb + entry_limit64); // cmp
  u8 *const miss = to.jump_condition_unresolved(Assembler::condition_above_equal);
  Assembler::resolve(inside, to.position());
  to.raw({{0x41, 0x8b, 0x53, 0x08}}); // mov edx, [r11 + window]
  // The window may be the right one already, the operand near its end.
  to.context_indexed(0x8b, r10, rcx, tlb + entry_start);
  to.context_indexed(0x3b, r10, rdx, site_window_start); // cmp
  u8 *const other_start = to.jump_condition_unresolved(Assembler::condition_not_equal);
  to.context_indexed(0x8b, r10, rcx, tlb + entry_limit8);
  to.context_indexed(0x3b, r10, rdx, entry_limit8); // cmp
  u8 *const same = to.jump_condition_unresolved(Assembler::condition_equal);
  Assembler::resolve(other_start, to.position());
  for (const u32 member : {entry_limit8, entry_limit64, entry_start}) {
    to.context_indexed(0x8b, r10, rcx, tlb + member);
    to.context_indexed(0x89, r10, rdx, member);
  }
  to.context_indexed(0x8b, rcx, rcx, tlb + entry_host);
  to.context_indexed(0x2b, rcx, rdx, site_window_start);
  to.context_indexed(0x89, rcx, rdx, site_window_delta);
  to.move(rcx, r10);
  to.context_indexed(0x8b, r10, rdx, site_window_delta);
  to.raw({{0x48, 0xc1, 0xe9, 0x10}});       // shr rcx, 16
  to.raw({{0xc1, 0xea, 0x05}});             // shr edx, 5: the window's number
  to.raw({{0x65, 0x66, 0x89, 0x0c, 0x55}}); // mov gs:[rdx * 2 + tags], cx
  to.dword(CONTEXT_WINDOW_TAGS - first_window * 2);
  to.raw({{0x65, 0x48, 0x0f, 0xab, 0x14, 0x25}}); // bts gs:[used], rdx
  to.dword(CONTEXT_WINDOWS_USED - first_window / 8);
  to.raw({{0x65, 0xff, 0x0c, 0x95}}); // dec dword ptr gs:[rdx * 4 + counts]
  to.dword(CONTEXT_WINDOW_COUNTS - first_window * 4);
  u8 *const often = to.jump_condition_unresolved(Assembler::condition_equal);
  u8 *const leave = to.jump_unresolved();
  Assembler::resolve(same, to.position());
  to.context_indexed(0x8b, r10, rdx, site_window_delta);
  Assembler::resolve(leave, to.position());
  to.load_context(rcx, CONTEXT_SPILL_RCX);
  to.load_context(rdx, CONTEXT_SPILL_POINTER);
  to.raw({{0x4d, 0x03, 0x1b}}); // add r11, [r11 + continuation]
  to.raw({{0x41, 0xff, 0xe3}}); // jmp r11
  Assembler::resolve(miss, to.position());
  emit_window_exit(to, write ? ExitKind::write_miss : ExitKind::read_miss);
  Assembler::resolve(often, to.position());
  emit_window_exit(to, ExitKind::window);
  return start;
}

/// Emitted behind the check, when it is known where the site goes on.
void Emitter::emit_window_stub(const Instruction &instruction, const WindowSite &site) {
  std::swap(hot_, cold_);
  u8 *continuation = site.continuation;
  if (!site.is_simple) {
    continuation = hot_.position();
    hot_.context_absolute(0x03, r10, CONTEXT_FAULT_ADDRESS); // add
    hot_.jump(site.continuation);
  }
  Assembler::resolve(site.miss, hot_.position());
  emit_effective_address(instruction, r10);
  u8 *const descriptor = hot_.lea_rip_unresolved(r11);
  hot_.jump(site.thunk);
  Assembler::resolve(descriptor, hot_.position());
  hot_.qword(static_cast<u64>(continuation - hot_.position()));
  hot_.dword(site.window);
  hot_.dword(new_site(instruction, instruction.memory.size, 0));
  hot_.byte(instruction.memory.size);
  hot_.byte(flags_saved_);
  std::swap(hot_, cold_);
}

HostOperand Emitter::emit_window_lookup(const Instruction &instruction) {
  const MemoryOperand &memory = instruction.memory;
  const bool write = memory.writes;
  const bool large = memory.size > 8;
  r11_is_delta_ = false;
  u32 &next = write ? cache_.next_write_window : cache_.next_read_window;
  WindowSite site;
  site.window = (write ? CONTEXT_WRITE_WINDOWS : CONTEXT_READ_WINDOWS) +
                static_cast<u32>(sizeof(SiteWindow)) * (next++ % site_windows);
  site.thunk = write ? (large ? thunks_.window_write64 : thunks_.window_write8)
                     : (large ? thunks_.window_read64 : thunks_.window_read8);
  const bool by_base = memory.index == no_register;
  const u8 reg = by_base ? memory.base : memory.index;
  site.is_simple = (by_base || memory.base == no_register) && reg < 16 && reg != r10 &&
                   reg != r11 && memory.segment == Segment::none &&
                   !instruction.address_size_prefix && instruction.data_reads == 0 &&
                   instruction.data_writes == 0 && !instruction.high_byte;
  HostOperand operand{r10, no_register, 0, 0};
  if (site.is_simple) {
    emit_effective_address(instruction, r11);
    operand = by_base ? HostOperand{reg, r10, 0, memory.displacement}
                      : HostOperand{r10, reg, memory.scale, memory.displacement};
  } else {
    emit_effective_address(instruction, r10);
    hot_.move(r11, r10);
  }
  hot_.context_absolute(0x2b, r11, site.window + entry_start);                            // sub
  hot_.context_absolute(0x3b, r11, site.window + (large ? entry_limit64 : entry_limit8)); // cmp
  site.miss = hot_.jump_condition_unresolved(Assembler::condition_above_equal);
  hot_.context_absolute(site.is_simple ? 0x8b : 0x03, r10, site.window + site_window_delta);
  site.continuation = hot_.position();
  emit_window_stub(instruction, site);
  return operand;
}

} // namespace tine::cpu
