// Clock numbers that name the CPU time of a process or thread: clock_getcpuclockid(3).
#pragma once

#include "syscall/call.hpp"

namespace tine::syscall {

/// CLOCK_PROCESS_CPUTIME_ID or CLOCK_THREAD_CPUTIME_ID for a number that stands for the caller's
/// own process or thread. EINVAL for any other.
[[nodiscard]] Result<int> own_cpu_clock(const Call &call, int clock);

} // namespace tine::syscall
