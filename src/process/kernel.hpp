// The kernel's objects of one box: what its processes share without being told.
#pragma once

#include "base/kernel_lock.hpp"
#include "cpu/vcpu.hpp"
#include "fs/async_signals.hpp"
#include "fs/fork_rights.hpp"
#include "fs/host_stream.hpp"
#include "fs/namespace.hpp"
#include "memory/address_space.hpp"
#include "net/network.hpp"
#include "process/load_average.hpp"
#include "process/pid_namespace.hpp"
#include "process/pid_uses.hpp"
#include "sched/host_events.hpp"
#include "sched/scheduler.hpp"
#include "time/timer_queue.hpp"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tine::fs {
class HostPageCache;
}

namespace tine::process {

class Process;
class Thread;
class FutexTable;
class SystemCallTracer;
class IpcNamespace;

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
  memory::FaultCounters faults; ///< of address spaces that are gone
  /// Time of the latest forks inside the kernel, for percentiles; fork n is at n % fork_samples.
  static constexpr std::size_t fork_samples = 65'536;
  std::vector<u32> fork_nanoseconds;

  void add_fork(Nanoseconds duration) {
    const auto sample = static_cast<u32>(duration);
    if (fork_nanoseconds.size() < fork_samples)
      fork_nanoseconds.push_back(sample);
    else
      fork_nanoseconds[forks % fork_samples] = sample;
    ++forks;
  }
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
  const std::unique_ptr<fs::AsyncSender> file_signals; ///< before, so after, what holds files
  Nanoseconds boot_time;                               ///< host monotonic
  LoadAverage load;
  /// What the box's CLOCK_MONOTONIC is ahead of the host's: it goes on where a saved box was.
  Nanoseconds monotonic_offset = 0;
  std::string hostname;
  std::string domain_name = "(none)";
  Ref<fs::HostPageCache> host_pages; ///< before, and gone after, all that maps files of the host
  Ref<fs::MountNamespace> mounts;
  const Ref<net::Network> first_network = make_ref<net::Network>();
  net::Network &network = *first_network; ///< of those in no network namespace of their own
  std::unique_ptr<FutexTable> futexes;
  Ref<IpcNamespace> ipc;                    ///< the first: System V IPC, POSIX message queues
  std::unique_ptr<SystemCallTracer> tracer; ///< null: nobody asked
  /// What whoever keeps the box in the background holds of its standard streams: the writing end of
  /// input and the reading ends of output and error, or the master of a terminal as the first and
  /// nothing else. Null: the streams lead out of the box. Copied with the box.
  std::array<Ref<fs::File>, 3> console;
  /// No thread of the box runs. Those that became runnable since are in `parked`, off the queue.
  bool frozen = false;
  std::vector<Pid> parked;
  /// The number of a system call: the box is frozen when a thread of it is about to make it. Not in
  /// a fork of the box.
  std::optional<u64> awaited_call;
  /// Of /proc/sys, by path: what was written. settings.hpp says what means something.
  std::map<std::string, std::string> remembered_settings;

  /// The kernel of a fork of the box: every process and all they refer to, at the same instant. The
  /// copy has `streams` for standard streams, and of what is withheld what `rights` say. No vCPU
  /// may be in the box; the copied threads run from here on, and a call that blocks is tried again.
  /// ENOMEM; ENOTSUP, with what can't be copied in `refused`.
  [[nodiscard]] Result<std::unique_ptr<Kernel>> copy(fs::StandardStreams &streams,
                                                     fs::ForkRights rights, std::string &refused);

  /// A fork of the box that never runs, to be saved; else like copy().
  [[nodiscard]] Result<std::unique_ptr<Kernel>> copy_to_save(fs::StandardStreams &streams,
                                                             std::string &refused);
  /// Every process and all they refer to, to the archive or from it into a kernel that has none.
  /// The threads of a kernel that was read are on no queue until start_restored().
  void archive(Archive &archive);
  void start_restored();

  /// A pid that is free and isn't the id of a process group or session either, ascending and
  /// wrapping as Linux's do; EAGAIN at the limit. It stays free until it is held.
  [[nodiscard]] Result<Pid> allocate_pid();
  /// One pid may be in use as a tid, a pid, a process group and a session at once: each use holds
  /// it.
  void hold_pid(Pid pid) { pid_uses_.hold(pid); }
  void release_pid(Pid pid);
  PidNumbers pid_numbers; ///< of nested pid namespaces
  [[nodiscard]] bool is_pid_held(Pid pid) const { return pid_uses_.is_held(pid); }
  void set_group(Process &process, Pid group);
  void set_session(Process &process, Pid session);
  /// One past the highest pid that can be.
  static constexpr i32 pid_limit = 4'194'304;
  /// One past the highest pid that is given: /proc/sys/kernel/pid_max.
  i32 pid_max = pid_limit;
  [[nodiscard]] Process *find_process(Pid pid) const;
  [[nodiscard]] Thread *find_thread(Pid tid) const;
  void add_thread(Thread &thread);
  void remove_thread(Thread &thread);
  [[nodiscard]] const std::map<Pid, Ref<Process>> &processes() const { return processes_; }
  void add_process(Ref<Process> process);
  void remove_process(Process &process);
  [[nodiscard]] std::size_t thread_count() const { return threads_.size(); }

  /// The box's main process; when it exits, the box ends with its status. It is not pid 1: that is
  /// the reaper, which has a process but runs no code (README.md says why).
  [[nodiscard]] Process *main_process() const { return find_process(main_pid); }
  /// Makes process 1, unless it is there: the parent of the main process and of orphans.
  void make_reaper(const Ref<fs::FileSystemContext> &fs);
  Pid main_pid{2};
  static constexpr Pid reaper_pid{1};

private:
  [[nodiscard]] Status copy_into(Kernel &made, Copier &copier);
  [[nodiscard]] Result<std::unique_ptr<Kernel>>
  copy_all(fs::StandardStreams &streams, fs::ForkRights rights, std::string &refused);
  void archive_clock(Archive &archive);
  void archive_processes(Archive &archive);
  void archive_threads(Archive &archive, Process &process);
  void check_restored(Archive &archive) const;

  std::map<Pid, Ref<Process>> processes_;
  std::map<Pid, Thread *> threads_;
  PidUses pid_uses_;
  i32 last_pid_ = 1;
};

} // namespace tine::process
