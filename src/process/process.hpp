// A process: a thread group, Linux's signal_struct. Owned by the kernel's table until it is reaped.
#pragma once

#include "process/thread.hpp"

#include <array>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace tine::process {

/// CPU time, faults and switches; of a process, of its children that were waited for.
struct ResourceUsage {
  Nanoseconds user_time = 0, system_time = 0;
  u64 minor_faults = 0, major_faults = 0, voluntary_switches = 0, involuntary_switches = 0;
  u64 max_resident = 0; ///< bytes
  void archive(Archive &archive) {
    archive(user_time, system_time, minor_faults, major_faults, voluntary_switches,
            involuntary_switches, max_resident);
  }
};

/// What /proc/PID/io counts: bytes and calls of read(2), write(2) and their kin.
struct TransferUsage {
  u64 read_bytes = 0, written_bytes = 0, read_calls = 0, write_calls = 0;
};

struct ResourceLimit {
  u64 current = ~u64{0};
  u64 maximum = ~u64{0};
};

class ProcessTimers;
class AsynchronousIo;

/// A process without threads is a zombie until its parent waits for it. Guarded by the kernel lock.
class Process final : public RefCounted {
public:
  Process(Kernel &kernel_, Pid pid_);
  ~Process() override;

  Kernel &kernel;
  const Pid pid;
  Process *parent = nullptr;
  std::vector<Process *> children;
  std::vector<Ref<Thread>> threads; ///< the leader first, while it lives
  Pid group, session;
  bool has_execed = false; ///< setpgid by the parent is EACCES afterwards
  bool is_subreaper = false;
  /// Linux's SIGNAL_UNKILLABLE: process 1 of a pid namespace, which gets no signal without a
  /// handler, but SIGKILL and SIGSTOP from outside.
  bool is_unkillable = false;
  int exit_signal = 17; ///< SIGCHLD
  int parent_death_signal = 0;

  // ---- exit ----
  bool exiting = false; ///< exit_group or a fatal signal is under way
  int exit_status = 0;  ///< as wait4 reports it
  [[nodiscard]] bool is_zombie() const { return threads.empty(); }
  /// It was process 1 of a pid namespace, and others are still on their way out: nobody is told of
  /// its end before theirs (zap_pid_ns_processes).
  bool end_delayed = false;
  sched::WaitQueue child_changed; ///< wait4, waitid: a child exited, stopped, continued
  sched::WaitQueue exited;        ///< pidfds
  sched::WaitQueue thread_exited; ///< an execve that waits for the other threads' end
  u32 real_uid = 0;               ///< of a zombie

  // ---- stop and continue ----
  bool stopped = false; ///< no thread of it may run, except its tracer's
  /// Stopped, but a thread is still on its way: the parent isn't told yet. Ends in finish_stop.
  bool stop_pending = false;
  int stop_signal = 0;
  bool stop_reported = true, continue_reported = true;

  // ---- ptrace ----
  std::vector<Tracee> tracees; ///< of any of its threads
  Pid leader_tracer; ///< the process that traced the leader when that died; reaps it first
  Pid creator;       ///< the thread that made it: the tracer that PTRACE_TRACEME asks for

  PendingSignals pending;
  /// Woken whenever a signal is queued for the process or one of its threads (signalfd).
  sched::WaitQueue signal_queued;
  ResourceUsage usage, children_usage;
  TransferUsage transfers;
  std::array<ResourceLimit, RLIM_NLIMITS> limits;
  std::string executable; ///< path for /proc/PID/exe
  Ref<fs::File> executable_file;
  Ref<fs::File> terminal;     ///< the session's controlling terminal
  Nanoseconds start_time = 0; ///< host monotonic
  int dumpable = 1;
  bool huge_pages_disabled = false; ///< PR_SET_THP_DISABLE; kept by fork and execve
  u32 personality = 0;
  int oom_score_adjustment = 0; ///< /proc/PID/oom_score_adj; kept by fork and execve
  int io_priority = 0;
  std::unique_ptr<ProcessTimers> timers; ///< null until one is set; not inherited by fork
  /// io_setup(2)'s contexts; null until one is made. Not inherited by fork, gone with execve.
  std::unique_ptr<AsynchronousIo> asynchronous_io;

  /// The process in the copy of a box, as yet without threads and relatives.
  [[nodiscard]] Result<Ref<Process>> copy(Copier &copier);

  [[nodiscard]] u64 limit(int resource) const {
    return limits[static_cast<std::size_t>(resource)].current;
  }
  [[nodiscard]] Thread *leader() const { return threads.empty() ? nullptr : threads.front().get(); }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, Process *saved);
  void archive_body(Archive &archive);
};

} // namespace tine::process
