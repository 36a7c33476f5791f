// The debug registers of a tracee: Intel SDM volume 3, 18.2, as arch/x86/kernel/ptrace.c shows
// them.
#include "process/ptrace.hpp"

#include <bit>

namespace tine::process {
namespace {

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
  constexpr u64 execution = 0, input_output = 2;
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

} // namespace

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
