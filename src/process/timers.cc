#include "process/timers.hpp"

#include "process/kernel.hpp"
#include "process/signals.hpp"

#include <algorithm>
#include <climits>
#include <sys/time.h>

namespace tine::process {
namespace {

/// DELAYTIMER_MAX.
constexpr int most_overruns = INT_MAX;

/// clock ids, time.h; dynamic ids of clock_getcpuclockid are resolved before they get here.
constexpr bool is_cpu_clock(int clock) {
  return clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

constexpr bool is_wall_clock(int clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

/// Deadlines of the CPU timers are in the process's time, whichever thread made them.
Nanoseconds clock_now(const Process &process, int clock) {
  if (is_cpu_clock(clock))
    return cpu_time(process);
  return is_wall_clock(clock) ? time::wall_clock()
                              : time::TimerQueue::now() + process.kernel.monotonic_offset;
}

} // namespace

Nanoseconds user_time(const Process &process) {
  Nanoseconds total = process.usage.user_time;
  const Nanoseconds now = time::TimerQueue::now();
  for (const Ref<Thread> &thread : process.threads)
    if (thread->on_cpu_since != 0)
      total += std::max(Nanoseconds{0}, now - thread->on_cpu_since);
  return total;
}

Nanoseconds cpu_time(const Process &process) {
  return user_time(process) + process.usage.system_time;
}

ProcessTimers &timers_of(Process &process) {
  if (!process.timers)
    process.timers = std::make_unique<ProcessTimers>(process);
  return *process.timers;
}

ProcessTimers::ProcessTimers(Process &process)
    : process_(process), real_(process.kernel.host.timers, [this] { expire_real(); }) {}

void ProcessTimers::expire_real() {
  if (real_interval_ != 0)
    real_.arm(time::TimerQueue::now() + real_interval_);
  send_signal(process_, kernel_signal(SIGALRM));
}

TimerSetting ProcessTimers::interval_timer(int which) const {
  if (which == ITIMER_REAL) {
    const auto deadline = real_.deadline();
    if (!deadline)
      return {0, real_interval_};
    return {std::max(Nanoseconds{1}, *deadline - time::TimerQueue::now()), real_interval_};
  }
  const CpuTimer &timer = which == ITIMER_VIRTUAL ? virtual_ : profiling_;
  const Nanoseconds used = which == ITIMER_VIRTUAL ? user_time(process_) : cpu_time(process_);
  if (timer.deadline == 0)
    return {0, timer.interval};
  return {std::max(Nanoseconds{1}, timer.deadline - used), timer.interval};
}

TimerSetting ProcessTimers::set_interval_timer(int which, TimerSetting setting) {
  const TimerSetting old = interval_timer(which);
  if (which == ITIMER_REAL) {
    real_interval_ = setting.remaining != 0 ? setting.interval : 0;
    if (setting.remaining != 0)
      real_.arm(time::TimerQueue::now() + setting.remaining);
    else
      real_.disarm();
    return old;
  }
  CpuTimer &timer = which == ITIMER_VIRTUAL ? virtual_ : profiling_;
  const Nanoseconds used = which == ITIMER_VIRTUAL ? user_time(process_) : cpu_time(process_);
  timer = {setting.remaining == 0 ? 0 : used + setting.remaining, setting.interval};
  return old;
}

void ProcessTimers::check(CpuTimer &timer, Nanoseconds used, int signal) {
  if (timer.deadline == 0 || used < timer.deadline)
    return;
  timer.deadline = timer.interval == 0 ? 0 : std::max(used + 1, timer.deadline + timer.interval);
  send_signal(process_, kernel_signal(signal));
}

void ProcessTimers::cpu_time_used() {
  check(virtual_, user_time(process_), SIGVTALRM);
  const Nanoseconds used = cpu_time(process_);
  check(profiling_, used, SIGPROF);
  for (auto &[id, timer] : posix_)
    if (timer.cpu_deadline != 0 && used >= timer.cpu_deadline)
      expire(timer, used - timer.cpu_deadline);
}

Result<int> ProcessTimers::create(int clock, int notify, int signal, Pid thread, u64 value,
                                  bool default_value) {
  const int id = next_id_++;
  PosixTimer &timer = posix_[id];
  timer.id = id;
  timer.clock = clock;
  timer.notify = notify;
  timer.signal = signal;
  timer.thread = thread;
  timer.value = default_value ? static_cast<u64>(id) : value;
  make_timer(timer);
  return id;
}

void ProcessTimers::make_timer(PosixTimer &timer) {
  if (is_cpu_clock(timer.clock))
    return;
  timer.timer = std::make_unique<time::Timer>(process_.kernel.host.timers, [this, id = timer.id] {
    if (PosixTimer *due = find(id))
      expire(*due, std::max(Nanoseconds{0}, time::TimerQueue::now() - due->deadline));
  });
}

void ProcessTimers::copy_from(const ProcessTimers &original) {
  if (const auto deadline = original.real_.deadline())
    real_.arm(*deadline);
  real_interval_ = original.real_interval_;
  virtual_ = original.virtual_;
  profiling_ = original.profiling_;
  next_id_ = original.next_id_;
  for (const auto &[id, from] : original.posix_) {
    PosixTimer &timer = posix_[id];
    timer.id = id;
    timer.clock = from.clock;
    timer.notify = from.notify;
    timer.signal = from.signal;
    timer.thread = from.thread;
    timer.value = from.value;
    timer.interval = from.interval;
    timer.cpu_deadline = from.cpu_deadline;
    timer.deadline = from.deadline;
    timer.is_wall_clock = from.is_wall_clock;
    timer.overrun = from.overrun;
    timer.last_overrun = from.last_overrun;
    make_timer(timer);
    if (from.timer && from.timer->deadline())
      timer.timer->arm(*from.timer->deadline());
  }
}

PosixTimer *ProcessTimers::find(int id) {
  const auto entry = posix_.find(id);
  return entry == posix_.end() ? nullptr : &entry->second;
}

bool ProcessTimers::remove(int id) {
  return posix_.erase(id) != 0;
}

TimerSetting ProcessTimers::setting(const PosixTimer &timer) const {
  const bool on_cpu = is_cpu_clock(timer.clock);
  const Nanoseconds deadline = on_cpu ? timer.cpu_deadline : timer.deadline;
  if (deadline == 0)
    return {0, timer.interval};
  const Nanoseconds now = on_cpu ? cpu_time(process_) : time::TimerQueue::now();
  return {std::max(Nanoseconds{1}, deadline - now), timer.interval};
}

TimerSetting ProcessTimers::set(PosixTimer &timer, TimerSetting wanted, bool absolute) {
  const TimerSetting old = setting(timer);
  timer.interval = wanted.interval;
  timer.deadline = timer.cpu_deadline = 0;
  timer.overrun = timer.last_overrun = 0;
  if (timer.timer)
    timer.timer->disarm();
  if (wanted.remaining == 0) {
    timer.interval = 0; // common_timer_set: disarmed, it has none
    return old;
  }
  Nanoseconds remaining = wanted.remaining;
  if (absolute)
    remaining -= clock_now(process_, timer.clock);
  if (is_cpu_clock(timer.clock)) {
    timer.cpu_deadline = std::max(Nanoseconds{1}, cpu_time(process_) + remaining);
    return old;
  }
  timer.is_wall_clock = absolute && is_wall_clock(timer.clock);
  timer.deadline = time::TimerQueue::now() + remaining;
  timer.timer->arm(timer.deadline);
  return old;
}

void ProcessTimers::expire(PosixTimer &timer, Nanoseconds late) {
  // timer_getoverrun(2): expirations between the signal's generation and its delivery are counted.
  Nanoseconds missed = 0;
  if (timer.interval != 0) {
    missed = late / timer.interval;
    const Nanoseconds step = (missed + 1) * timer.interval;
    if (timer.cpu_deadline != 0) {
      timer.cpu_deadline += step;
    } else {
      timer.deadline += step;
      timer.timer->arm(timer.deadline);
    }
  } else {
    timer.deadline = timer.cpu_deadline = 0;
  }
  if (timer.notify == SIGEV_NONE)
    return;
  siginfo_t info{};
  info.si_signo = timer.signal;
  info.si_code = SI_TIMER;
  info.si_timerid = timer.id;
  info.si_value.sival_ptr = reinterpret_cast<void *>(timer.value);
  Thread *target =
      timer.notify == SIGEV_THREAD_ID ? process_.kernel.find_thread(timer.thread) : nullptr;
  if (timer.notify == SIGEV_THREAD_ID && target == nullptr)
    return;
  const PendingSignals &pending = target != nullptr ? target->pending : process_.pending;
  const bool is_queued =
      std::any_of(pending.queue().begin(), pending.queue().end(), [&](const siginfo_t &queued) {
        return queued.si_code == SI_TIMER && queued.si_timerid == timer.id &&
               queued.si_signo == timer.signal;
      });
  timer.overrun = static_cast<int>(
      std::min<Nanoseconds>(most_overruns, is_queued ? timer.overrun + missed + 1 : missed));
  if (is_queued)
    return;
  if (target != nullptr)
    send_signal(*target, info);
  else
    send_signal(process_, info);
}

void ProcessTimers::delivered(siginfo_t &info) {
  PosixTimer *timer = find(info.si_timerid);
  if (timer == nullptr)
    return;
  info.si_overrun = timer->last_overrun = timer->overrun;
  timer->overrun = 0;
}

} // namespace tine::process
