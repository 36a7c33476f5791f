#include "time/timer_queue.hpp"

#include <ctime>

namespace tine::time {

Nanoseconds wall_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return Nanoseconds{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void Timer::arm(Nanoseconds deadline) {
  disarm();
  const bool earliest = queue_.armed_.empty() || deadline < queue_.armed_.begin()->first;
  deadline_ = deadline;
  queue_.armed_.emplace(deadline, this);
  if (earliest && queue_.notify_)
    queue_.notify_();
}

void Timer::disarm() {
  if (deadline_)
    queue_.armed_.erase({*deadline_, this});
  deadline_.reset();
}

Nanoseconds TimerQueue::now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return Nanoseconds{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void TimerQueue::expire(Nanoseconds now) {
  while (!armed_.empty() && armed_.begin()->first <= now) {
    Timer *timer = armed_.begin()->second;
    timer->disarm();
    timer->expired_();
  }
}

std::optional<Nanoseconds> TimerQueue::next_deadline() const {
  if (armed_.empty())
    return std::nullopt;
  return armed_.begin()->first;
}

} // namespace tine::time
