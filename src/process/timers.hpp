// The timers of a process: setitimer(2), alarm(2), timer_create(2).
#pragma once

#include "base/result.hpp"
#include "process/signal_types.hpp"
#include "time/timer_queue.hpp"

#include <map>
#include <memory>

namespace tine::process {

class Process;

/// What is left of a timer and how often it repeats; ns, 0 is unarmed or once.
struct TimerSetting {
  Nanoseconds remaining = 0;
  Nanoseconds interval = 0;
};

/// A timer of timer_create(2). Owned by ProcessTimers. On the wall and monotonic clocks it is armed
/// on the kernel's queue; on CPU-time clocks the accounting looks at `cpu_deadline`.
struct PosixTimer {
  int id = 0;
  int clock = 0;
  int notify = 0; ///< SIGEV_*
  int signal = 0;
  Pid thread;    ///< SIGEV_THREAD_ID
  u64 value = 0; ///< sigev_value
  Nanoseconds interval = 0;
  Nanoseconds cpu_deadline = 0; ///< CPU time used at which it expires; 0: unarmed
  Nanoseconds deadline = 0;     ///< host monotonic; 0: unarmed
  bool is_wall_clock = false;   ///< the deadline was given as a time of the wall clock
  /// Expirations since its signal was queued; those that the last signal told of.
  int overrun = 0, last_overrun = 0;
  std::unique_ptr<time::Timer> timer;
};

/// Not inherited by fork; the POSIX timers go at execve. Guarded by the kernel lock.
class ProcessTimers {
public:
  explicit ProcessTimers(Process &process);

  /// Those of the process in the copy of a box, due at the same instants. This has none yet.
  void copy_from(const ProcessTimers &original);
  /// Of a saved box: the time that was left is left.
  void archive(Archive &archive);

  /// ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF: the old setting.
  TimerSetting set_interval_timer(int which, TimerSetting setting);
  [[nodiscard]] TimerSetting interval_timer(int which) const;

  [[nodiscard]] Result<int> create(int clock, int notify, int signal, Pid thread, u64 value,
                                   bool default_value);
  [[nodiscard]] PosixTimer *find(int id);
  /// Absolute or relative on the timer's clock; remaining 0 disarms. The old setting.
  TimerSetting set(PosixTimer &timer, TimerSetting setting, bool absolute);
  [[nodiscard]] TimerSetting setting(const PosixTimer &timer) const;
  bool remove(int id);
  [[nodiscard]] const std::map<int, PosixTimer> &posix() const { return posix_; }
  void remove_all_posix() { posix_.clear(); }
  /// The signal of a timer is delivered: "the overrun count … between the time the signal was
  /// generated … and the time it was delivered" (timer_getoverrun(2)).
  void delivered(siginfo_t &info);
  /// CPU time went on: expires what is due.
  void cpu_time_used();

private:
  struct CpuTimer {
    Nanoseconds deadline = 0; ///< CPU time of the process; 0: unarmed
    Nanoseconds interval = 0;
  };
  void make_timer(PosixTimer &timer);
  void expire_real();
  void expire(PosixTimer &timer, Nanoseconds late);
  void check(CpuTimer &timer, Nanoseconds used, int signal);

  Process &process_;
  time::Timer real_;
  Nanoseconds real_interval_ = 0;
  CpuTimer virtual_, profiling_;
  std::map<int, PosixTimer> posix_;
  int next_id_ = 0;
};

/// The process's timers, made if there are none yet.
[[nodiscard]] ProcessTimers &timers_of(Process &process);

/// CPU time of all threads so far, ns.
[[nodiscard]] Nanoseconds user_time(const Process &process);
[[nodiscard]] Nanoseconds cpu_time(const Process &process);

} // namespace tine::process
