// The debug registers of a tracee: Intel SDM volume 3, 18.2, as arch/x86/kernel/ptrace.c shows
// them.
#include "process/ptrace.hpp"

#include <bit>

namespace tine::process {
namespace {

constexpr u64 execution = 0, writes_only = 1, input_output = 2; ///< types in DR7
constexpr u64 step_status = 0x4000;                             ///< DR6.BS
constexpr u64 status_index = 6, control_index = 7, address_count = 4;
/// Bits of DR6 that read as one; Linux keeps the register inverted there.
constexpr u64 reserved_status = 0xffff0ff0;

/// DR7's fields of breakpoint n. Type 0: execution, 1: writes, 3: reads and writes.
u64 type_of(u64 control, u64 n) {
  return control >> (16 + 4 * n) & 3;
}
/// Bytes; the encoding of 8 is 2.
u64 length_of(u64 control, u64 n) {
  constexpr std::array<u64, 4> lengths{1, 2, 8, 4};
  return lengths[control >> (18 + 4 * n) & 3];
}
bool is_enabled(u64 control, u64 n) {
  return (control >> (2 * n) & 3) != 0;
}

/// arch_build_bp_info, hw_breakpoint_arch_parse: EINVAL for I/O, for execution of more than a byte,
/// for a range that isn't aligned.
Status check_control(const TraceState &trace, u64 control) {
  for (u64 n = 0; n < address_count; ++n) {
    if (!is_enabled(control, n))
      continue;
    const u64 type = type_of(control, n), length = length_of(control, n);
    if (type == input_output || (type == execution && length != 1) ||
        (trace.debug_registers[n] & (length - 1)) != 0)
      return Errno{EINVAL};
  }
  return Done{};
}

/// What the debug registers say of an instruction that has run: bits 0 to 3 of DR6.
u64 triggered_by(const TraceState &trace, std::span<const cpu::DataAccess> accesses) {
  const u64 control = trace.debug_registers[control_index];
  u64 triggered = 0;
  for (u64 n = 0; n < address_count; ++n) {
    const u64 type = type_of(control, n);
    if (!is_enabled(control, n) || type == execution)
      continue;
    const u64 start = trace.debug_registers[n], end = start + length_of(control, n);
    for (const cpu::DataAccess &access : accesses)
      if ((access.writes || type != writes_only) && access.address < end &&
          start < access.address + access.size)
        triggered |= u64{1} << n;
  }
  return triggered;
}

u64 execution_breakpoints_at(const TraceState &trace, u64 pc) {
  const u64 control = trace.debug_registers[control_index];
  u64 triggered = 0;
  for (u64 n = 0; n < address_count; ++n)
    if (is_enabled(control, n) && type_of(control, n) == execution &&
        trace.debug_registers[n] == pc)
      triggered |= u64{1} << n;
  return triggered;
}

/// exc_debug_user: one SIGTRAP, and DR6 says why.
cpu::Exit debug_exit(Thread &thread, u64 status) {
  thread.trace->debug_registers[status_index] = status;
  cpu::Exit exit;
  exit.reason = cpu::ExitReason::signal;
  exit.signal = SIGTRAP;
  exit.code = (status & step_status) != 0 ? TRAP_TRACE : TRAP_HWBKPT;
  exit.address = GuestAddress{thread.cpu.rip};
  exit.trap_number = 1;
  return exit;
}

} // namespace

bool has_breakpoints(const Thread &thread) {
  constexpr u64 enable_bits = 0xff;
  return thread.trace && (thread.trace->debug_registers[control_index] & enable_bits) != 0;
}

void show_step(Thread &thread, const cpu::Exit &exit) {
  if (exit.signal == SIGTRAP && exit.code == TRAP_TRACE && !has_breakpoints(thread))
    thread.trace->debug_registers[status_index] = step_status;
}

std::optional<cpu::Exit> WatchedStep::start() {
  cpu::CpuState &cpu = thread_.cpu;
  if (const u64 hit = execution_breakpoints_at(*thread_.trace, cpu.rip);
      hit != 0 && (cpu.rflags & cpu::resume_flag) == 0) {
    // "Set up resume flag to avoid breakpoint recursion when returning back to origin."
    cpu.rflags |= cpu::resume_flag;
    return debug_exit(thread_, hit);
  }
  cpu.rflags &= ~cpu::resume_flag;
  accesses_ = cpu::data_accesses(cpu, *thread_.memory);
  own_trap_flag_ = (cpu.rflags & cpu::trap_flag) == 0;
  cpu.rflags |= cpu::trap_flag;
  return std::nullopt;
}

cpu::Exit WatchedStep::finish(const cpu::Exit &exit) {
  if (own_trap_flag_)
    thread_.cpu.rflags &= ~cpu::trap_flag;
  if (exit.reason == cpu::ExitReason::system_call && own_trap_flag_)
    thread_.cpu.gpr[cpu::r11] &= ~cpu::trap_flag;
  const bool stepped =
      exit.reason == cpu::ExitReason::signal && exit.signal == SIGTRAP && exit.code == TRAP_TRACE;
  if (!stepped)
    return exit;
  if (!is_traced(thread_))
    return own_trap_flag_ ? cpu::Exit{} : exit;
  const u64 hit = triggered_by(*thread_.trace, accesses_);
  if (hit == 0 && own_trap_flag_)
    return {};
  return debug_exit(thread_, hit | (own_trap_flag_ ? 0 : step_status));
}

u64 read_debug_register(const Thread &thread, u64 index) {
  const u64 value = thread.trace->debug_registers[index];
  return index == status_index ? value ^ reserved_status : value;
}

Status write_debug_register(Thread &thread, u64 index, u64 value) {
  TraceState &trace = *thread.trace;
  if (index == status_index) {
    trace.debug_registers[index] = value ^ reserved_status;
    return Done{};
  }
  if (index == control_index) {
    TINE_TRY(check_control(trace, value));
    trace.debug_registers[index] = value;
    return Done{};
  }
  if (index >= address_count)
    return Errno{EIO};
  if (value >= user_address_limit)
    return Errno{EINVAL};
  trace.debug_registers[index] = value;
  return Done{};
}

} // namespace tine::process
