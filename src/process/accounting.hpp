// CPU time and faults: who used what.
#pragma once

#include "process/kernel.hpp"
#include "process/process.hpp"

namespace tine::process {

/// Adds what a thread just used on a vCPU to its process, and lets the CPU-time timers look.
/// Nanoseconds, not negative.
void account_time(Thread &thread, Process &process, Nanoseconds user, Nanoseconds system);

/// A thread has left its vCPU, because it waits ("voluntary") or because others want it.
void account_switch(Thread &thread, Process &process, bool voluntary);

/// Faults of all address spaces of the box so far, those that are gone included.
[[nodiscard]] memory::FaultCounters fault_totals(const Kernel &kernel);

/// The box's threads, and how many of them run or are runnable.
struct ThreadCounts {
  std::size_t running = 0, total = 0;
};
[[nodiscard]] ThreadCounts count_threads(const Kernel &kernel);

} // namespace tine::process
