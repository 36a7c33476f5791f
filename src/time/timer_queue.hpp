// Timers: what is due when. Times are nanoseconds of the host's CLOCK_MONOTONIC.
#pragma once

#include "base/types.hpp"

#include <functional>
#include <optional>
#include <set>

namespace tine::time {

/// The host's CLOCK_REALTIME, in nanoseconds.
[[nodiscard]] Nanoseconds wall_clock();

class TimerQueue;

/// A one-shot timer; owned by whoever waits (a thread, a process, a timerfd). Armed at most once.
/// Disarms itself when destroyed.
class Timer {
public:
  Timer(TimerQueue &queue, std::function<void()> expired)
      : queue_(queue), expired_(std::move(expired)) {}
  Timer(const Timer &) = delete;
  Timer &operator=(const Timer &) = delete;
  ~Timer() { disarm(); }

  void arm(Nanoseconds deadline);
  void disarm();
  [[nodiscard]] std::optional<Nanoseconds> deadline() const { return deadline_; }

private:
  friend class TimerQueue;
  TimerQueue &queue_;
  std::function<void()> expired_;
  std::optional<Nanoseconds> deadline_;
};

/// Armed timers by deadline. Guarded by the kernel lock.
class TimerQueue {
public:
  [[nodiscard]] static Nanoseconds now();

  /// Calls what is due at `now`, in order of deadlines; each is disarmed before it is called.
  void expire(Nanoseconds now);
  [[nodiscard]] std::optional<Nanoseconds> next_deadline() const;
  /// Called when the earliest deadline became earlier, so that a sleeping vCPU sleeps less.
  void on_earlier(std::function<void()> notify) { notify_ = std::move(notify); }

private:
  friend class Timer;
  std::set<std::pair<Nanoseconds, Timer *>> armed_;
  std::function<void()> notify_;
};

} // namespace tine::time
