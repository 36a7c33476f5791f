// A stopped thread's registers as its tracer sees them: struct user of <sys/user.h>.
#include "process/ptrace.hpp"

#include <algorithm>
#include <cstring>
#include <sys/user.h>

namespace tine::process {
namespace {

/// The flags that a tracer may change: FLAG_MASK of arch/x86/kernel/ptrace.c.
constexpr u64 writable_flags = 0x50dd5;
/// The kernel's struct user has two fields behind those of <sys/user.h>.
constexpr u64 user_area_size = sizeof(struct user) + 2 * sizeof(u64);
constexpr u64 legacy_size = 512;

/// Positions in user_regs_struct.
enum Position : u8 { orig_rax = 15, rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs };

/// The general registers before orig_rax, in user_regs_struct's order.
constexpr std::array<cpu::Gpr, 15> general_order{cpu::r15, cpu::r14, cpu::r13, cpu::r12, cpu::rbp,
                                                 cpu::rbx, cpu::r11, cpu::r10, cpu::r9,  cpu::r8,
                                                 cpu::rax, cpu::rcx, cpu::rdx, cpu::rsi, cpu::rdi};

Status set_base(u64 &base, u64 value) {
  if (value >= user_address_limit)
    return Errno{EIO};
  base = value;
  return Done{};
}

/// "If the debugger set TF, hide it from the readout", and keep it when flags are written.
void set_flags(Thread &thread, u64 value) {
  bool &forced = thread.trace->forced_trap_flag;
  if ((value & cpu::trap_flag) != 0)
    forced = false;
  else if (forced)
    value |= cpu::trap_flag;
  thread.cpu.rflags = (thread.cpu.rflags & ~writable_flags) | (value & writable_flags);
}

/// putreg of arch/x86/kernel/ptrace.c. Segments can't be changed here: EIO, as for a selector that
/// Linux refuses.
Status write_register(Thread &thread, std::size_t position, u64 value) {
  if (position < general_order.size()) {
    thread.cpu.gpr[general_order[position]] = value;
    return Done{};
  }
  switch (static_cast<Position>(position)) {
  case orig_rax:
    thread.syscall_number = static_cast<i64>(value);
    return Done{};
  case rip:
    thread.cpu.rip = value;
    return Done{};
  case eflags:
    set_flags(thread, value);
    return Done{};
  case rsp:
    thread.cpu.gpr[cpu::rsp] = value;
    return Done{};
  case fs_base:
    return set_base(thread.cpu.fs_base, value);
  case gs_base:
    return set_base(thread.cpu.gs_base, value);
  case cs:
  case ss:
  case ds:
  case es:
  case fs:
  case gs:
    return value == read_user_regs(thread)[position] ? Status{Done{}} : Status{Errno{EIO}};
  }
  return Errno{EIO};
}

} // namespace

UserRegs read_user_regs(const Thread &thread) {
  UserRegs regs{};
  for (std::size_t i = 0; i < general_order.size(); ++i)
    regs[i] = thread.cpu.gpr[general_order[i]];
  regs[orig_rax] = static_cast<u64>(thread.syscall_number);
  regs[rip] = thread.cpu.rip;
  regs[cs] = cpu::user_code_segment;
  regs[eflags] = thread.cpu.rflags;
  if (thread.trace && thread.trace->forced_trap_flag)
    regs[eflags] &= ~cpu::trap_flag;
  regs[rsp] = thread.cpu.gpr[cpu::rsp];
  regs[ss] = cpu::user_stack_segment;
  regs[fs_base] = thread.cpu.fs_base;
  regs[gs_base] = thread.cpu.gs_base;
  return regs;
}

Status write_user_regs(Thread &thread, std::span<const u64> values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    TINE_TRY(write_register(thread, i, values[i]));
  return Done{};
}

Result<u64> peek_user(const Thread &thread, u64 offset) {
  if (offset % sizeof(u64) != 0 || offset >= user_area_size)
    return Errno{EIO};
  if (offset < user_regs_size)
    return read_user_regs(thread)[offset / sizeof(u64)];
  constexpr u64 debug_offset = offsetof(struct user, u_debugreg);
  if (offset >= debug_offset && offset < debug_offset + 8 * sizeof(u64))
    return read_debug_register(thread, (offset - debug_offset) / sizeof(u64));
  return 0;
}

Status poke_user(Thread &thread, u64 offset, u64 value) {
  if (offset % sizeof(u64) != 0 || offset >= user_area_size)
    return Errno{EIO};
  if (offset < user_regs_size)
    return write_register(thread, offset / sizeof(u64), value);
  constexpr u64 debug_offset = offsetof(struct user, u_debugreg);
  if (offset >= debug_offset && offset < debug_offset + 8 * sizeof(u64))
    return write_debug_register(thread, (offset - debug_offset) / sizeof(u64), value);
  return Errno{EIO};
}

std::vector<std::byte> read_extended_state(const Thread &thread) {
  std::vector<std::byte> area(cpu::CpuState::xsave_size());
  thread.cpu.store_xsave(area);
  // "XCR0 is in the first eight bytes of the bytes 464 to 511": the components that there are.
  constexpr u64 components = 7;
  std::memcpy(area.data() + cpu::software_bytes_offset, &components, sizeof components);
  return area;
}

Status write_extended_state(Thread &thread, std::span<const std::byte> area) {
  if (area.size() != cpu::CpuState::xsave_size())
    return Errno{EFAULT};
  return thread.cpu.load_xsave(area) ? Status{Done{}} : Status{Errno{EINVAL}};
}

Status write_fp_registers(Thread &thread, std::span<const std::byte> area) {
  std::vector<std::byte> whole = read_extended_state(thread);
  std::copy_n(area.begin(), std::min(area.size(), legacy_size), whole.begin());
  return thread.cpu.load_xsave(whole) ? Status{Done{}} : Status{Errno{EINVAL}};
}

} // namespace tine::process
