// CPU time: who used it.
#pragma once

#include "process/process.hpp"

namespace tine::process {

/// Adds what a thread just used on a vCPU to its process, and lets the CPU-time timers look.
/// Nanoseconds, not negative.
void account_time(Thread &thread, Process &process, Nanoseconds user, Nanoseconds system);

} // namespace tine::process
