#include "process/accounting.hpp"

#include "process/signals.hpp"
#include "process/timers.hpp"

#include <set>

namespace tine::process {
namespace {

/// setrlimit(2): "When the process reaches the soft limit, it is sent a SIGXCPU signal", once a
/// second from then on, "until the hard limit is reached, at which time it is sent SIGKILL".
void check_cpu_limit(Process &process) {
  ResourceLimit &limit = process.limits[RLIMIT_CPU];
  if (limit.current == RLIM_INFINITY)
    return;
  const auto used = static_cast<u64>(process.usage.user_time + process.usage.system_time);
  constexpr u64 second = 1'000'000'000;
  if (limit.maximum != RLIM_INFINITY && used >= limit.maximum * second) {
    send_signal(process, kernel_signal(SIGKILL));
  } else if (used >= limit.current * second) {
    send_signal(process, kernel_signal(SIGXCPU));
    ++limit.current;
  }
}

} // namespace

void account_time(Thread &thread, Process &process, Nanoseconds user, Nanoseconds system) {
  thread.user_time += user;
  thread.system_time += system;
  process.usage.user_time += user;
  process.usage.system_time += system;
  if (process.is_zombie())
    return;
  if (process.timers)
    process.timers->cpu_time_used();
  check_cpu_limit(process);
}

void account_switch(Thread &thread, Process &process, bool voluntary) {
  ++(voluntary ? thread.voluntary_switches : thread.involuntary_switches);
  ++(voluntary ? process.usage.voluntary_switches : process.usage.involuntary_switches);
}

memory::FaultCounters fault_totals(const Kernel &kernel) {
  memory::FaultCounters total = kernel.counters.faults;
  std::set<const memory::AddressSpace *> counted; // vfork and CLONE_VM share one
  for (const auto &[pid, process] : kernel.processes())
    for (const Ref<Thread> &thread : process->threads)
      if (thread->memory && counted.insert(thread->memory.get()).second)
        total += thread->memory->counters();
  return total;
}

ThreadCounts count_threads(const Kernel &kernel) {
  ThreadCounts counts;
  for (const auto &[pid, process] : kernel.processes())
    for (const Ref<Thread> &thread : process->threads) {
      ++counts.total;
      counts.running += thread->run_state() == sched::RunState::running ||
                        thread->run_state() == sched::RunState::runnable;
    }
  return counts;
}

} // namespace tine::process
