// The kernel's objects of one box: what its processes share without being told.
#pragma once

#include "base/kernel_lock.hpp"
#include "cpu/vcpu.hpp"
#include "fs/namespace.hpp"
#include "memory/address_space.hpp"
#include "net/network.hpp"
#include "sched/host_events.hpp"
#include "sched/scheduler.hpp"
#include "time/timer_queue.hpp"

#include <map>
#include <memory>
#include <string>

namespace tine::process {

class Process;
class Thread;
class FutexTable;
class SystemCallTracer;

/// What the boxes of one host process share: host resources. Owned by box/, outlives every Kernel.
struct Host {
  KernelLock &lock;
  memory::FrameArena &frames;
  cpu::Machine &machine;
  sched::Scheduler &scheduler;
  time::TimerQueue &timers;
  sched::HostEvents &events;
};

/// Options that a box was made with and that its kernel must know.
struct KernelOptions {
  std::string hostname = "tine";
  memory::ForkMechanism fork_mechanism = memory::ForkMechanism::shared;
  u32 cpus = 1;
  u32 process_limit = 32768; ///< threads at once; beyond it clone is EAGAIN
  bool host_network = false;
};

/// Counters for --stats.
struct KernelCounters {
  u64 forks = 0, vforks = 0, threads = 0, execs = 0, exits = 0, system_calls = 0,
      context_switches = 0;
  memory::FaultCounters faults;            ///< of address spaces that are gone
  std::vector<u32> fork_nanoseconds; ///< each fork's time inside the kernel, for percentiles
};

/// Owns every process of the box, by pid. Guarded by the kernel lock.
class Kernel {
public:
  Kernel(Host &host, KernelOptions options);
  ~Kernel();
  Kernel(const Kernel &) = delete;
  Kernel &operator=(const Kernel &) = delete;

  Host &host;
  KernelOptions options;
  KernelCounters counters;
  Nanoseconds boot_time;                       ///< host monotonic
  std::string hostname;
  std::string domain_name = "(none)";
  Ref<fs::MountNamespace> mounts;
  net::Network network;
  std::unique_ptr<FutexTable> futexes;
  std::unique_ptr<SystemCallTracer> tracer;    ///< null: nobody asked

  /// A free pid, ascending and wrapping as Linux's do; EAGAIN at the limit.
  [[nodiscard]] Result<Pid> allocate_pid();
  [[nodiscard]] Process *find_process(Pid pid) const;
  [[nodiscard]] Thread *find_thread(Pid tid) const;
  void add_thread(Thread &thread);
  void remove_thread(Thread &thread);
  [[nodiscard]] const std::map<Pid, Ref<Process>> &processes() const { return processes_; }
  void add_process(Ref<Process> process);
  void remove_process(Process &process);
  [[nodiscard]] std::size_t thread_count() const { return threads_.size(); }

  /// The first process; when it exits, the box ends with its status.
  [[nodiscard]] Process *init() const { return find_process(Pid{1}); }

private:
  std::map<Pid, Ref<Process>> processes_;
  std::map<Pid, Thread *> threads_;
  i32 last_pid_ = 0;
};

} // namespace tine::process
