#include "sched/scheduler.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tine::sched {
namespace {
/// What Linux's defaults leave to threads without real-time priority: 5 % of each second.
constexpr Nanoseconds longest_vain_wait = 950'000'000;
constexpr Nanoseconds turn_of_others = 50'000'000;

constexpr int lowest_nice = -20, highest_nice = 19;
/// Of Linux's weights: 3 where a nice value of 0 has 1024.
constexpr i64 idle_factor = 1024 / 3;

/// 1.25 to the power of each nice value, in 1024ths.
constexpr auto nice_factors = [] {
  std::array<i64, highest_nice - lowest_nice + 1> factors{};
  double factor = 1024;
  for (int nice = 0; nice <= highest_nice; ++nice, factor *= 1.25)
    factors[static_cast<std::size_t>(nice - lowest_nice)] = static_cast<i64>(factor);
  factor = 1024;
  for (int nice = 0; nice >= lowest_nice; --nice, factor /= 1.25)
    factors[static_cast<std::size_t>(nice - lowest_nice)] = static_cast<i64>(factor);
  return factors;
}();
} // namespace

Nanoseconds Schedulable::charge(Nanoseconds ran) const {
  if (scheduling.policy == SCHED_IDLE) [[unlikely]]
    return ran * idle_factor;
  if (scheduling.nice == 0 || priority() > 0) [[likely]]
    return ran;
  return ran * nice_factors[static_cast<std::size_t>(scheduling.nice - lowest_nice)] / 1024;
}

// ---- the queues ----

/// The first that may run there.
Schedulable *Scheduler::find(const Queue &queue, i32 vcpu) const {
  if (pinned_ == 0) [[likely]]
    return queue.empty() ? nullptr : queue.front();
  const auto found = std::find_if(queue.begin(), queue.end(), [vcpu](const Schedulable *thread) {
    return thread->may_run_on(vcpu);
  });
  return found == queue.end() ? nullptr : *found;
}

void Scheduler::append(Queue &queue, Schedulable &thread) {
  queue.push_back(&thread);
  pinned_ += thread.is_pinned() ? 1U : 0U;
}

void Scheduler::enqueue_real_time(Schedulable &thread, bool first_of_its_priority) {
  auto place = real_time_.end();
  while (place != real_time_.begin()) {
    const int before = (*std::prev(place))->priority();
    if (before > thread.priority() || (before == thread.priority() && !first_of_its_priority))
      break;
    --place;
  }
  real_time_.insert(place, &thread);
  pinned_ += thread.is_pinned() ? 1U : 0U;
}

/// Off the queue that it is on.
void Scheduler::take_off(Schedulable &thread) {
  pinned_ -= thread.is_pinned() ? 1U : 0U;
  const std::array queues{&woken_, &queue_, &real_time_};
  for (Queue *queue : queues)
    if (!queue->empty() && queue->front() == &thread)
      return queue->pop_front();
  for (Queue *queue : queues)
    if (std::erase(*queue, &thread) != 0)
      return;
}

// ---- who goes ----

bool Scheduler::has_idle_vcpu_for(const Schedulable &thread) const {
  if (!thread.is_pinned()) [[likely]]
    return running_.size() < vcpus_;
  u64 idle = thread.scheduling.affinity & (vcpus_ < 64 ? (u64{1} << vcpus_) - 1 : ~u64{0});
  for (const Schedulable *running : running_)
    idle &= ~(u64{1} << (static_cast<u32>(running->vcpu_) & 63U));
  return idle != 0;
}

/// Of the running threads the one that has used most goes, if that is much more than `woken` has.
/// What they have used since they were picked is not known here: the tick asks is_preempted()
/// again.
void Scheduler::preempt_for(const Schedulable &woken) {
  if (has_idle_vcpu_for(woken))
    return;
  const Schedulable *most = nullptr;
  for (const Schedulable *running : running_)
    if (running->priority() == 0 && woken.may_run_on(running->vcpu_) &&
        (most == nullptr || running->used_ > most->used_))
      most = running;
  const auto is_idle = [](const Schedulable &thread) {
    return thread.scheduling.policy == SCHED_IDLE;
  };
  if (most != nullptr &&
      (most->used_ >= woken.used_ + wakeup_granularity || (is_idle(*most) && !is_idle(woken))))
    kick(*most);
}

/// The lowest priority goes.
void Scheduler::preempt_for_priority(const Schedulable &thread) {
  if (has_idle_vcpu_for(thread))
    return;
  const Schedulable *lowest = nullptr;
  for (const Schedulable *running : running_)
    if (thread.may_run_on(running->vcpu_) &&
        (lowest == nullptr || running->priority() < lowest->priority()))
      lowest = running;
  if (lowest != nullptr && lowest->priority() < thread.priority())
    kick(*lowest);
}

bool Scheduler::has_higher_priority_for(const Schedulable &thread) const {
  if (turn_of_others_ends_ != 0)
    return false;
  const Schedulable *next = find(real_time_, thread.vcpu_);
  return next != nullptr && next->priority() > thread.priority();
}

bool Scheduler::is_preempted(const Schedulable &thread, Nanoseconds ran) const {
  if (is_outranked(thread))
    return true;
  const Nanoseconds used = thread.used_ + thread.charge(ran);
  if (thread.priority() > 0) [[unlikely]] {
    if (turn_of_others_ends_ != 0)
      return has_others_for(thread.vcpu_);
    const Schedulable *next = find(real_time_, thread.vcpu_);
    return next != nullptr && next->priority() == thread.priority() &&
           thread.scheduling.policy == SCHED_RR && used >= round_robin_slice;
  }
  const Schedulable *woken = find(woken_, thread.vcpu_);
  return (woken != nullptr && used >= woken->used_ + wakeup_granularity) ||
         (used >= slice && has_runnable_for(thread.vcpu_));
}

bool Scheduler::has_rival(const Schedulable &running) const {
  if (running.priority() == 0)
    return has_runnable_for(running.vcpu_);
  const Schedulable *next = find(real_time_, running.vcpu_);
  return next != nullptr && next->priority() >= running.priority();
}

// ---- what happens to a thread ----

void Scheduler::make_runnable(Schedulable &thread) {
  if (thread.run_state_ == RunState::runnable || thread.run_state_ == RunState::running ||
      thread.run_state_ == RunState::dead)
    return;
  thread.run_state_ = RunState::runnable;
  if (const Nanoseconds others_ran = ran_ - thread.left_at_; others_ran >= slice) {
    // They have had what it did not take meanwhile.
    thread.used_ = std::max<Nanoseconds>(thread.used_ - others_ran, 0);
    thread.has_slice_ = thread.used_ < slice;
  }
  if (thread.priority() > 0) {
    enqueue_real_time(thread, false);
    preempt_for_priority(thread);
  } else if (thread.has_slice_) {
    append(woken_, thread);
    preempt_for(thread);
  } else {
    append(queue_, thread);
  }
  if (notify_)
    notify_(thread);
}

/// Whose turn it is of those in queue_: whoever has used up this turn, too, goes to the end for it.
/// Somebody goes, if there is anybody: no vCPU is left idle.
Schedulable *Scheduler::next_turn(i32 vcpu) {
  Schedulable *thread = find(queue_, vcpu);
  for (std::size_t left = queue_.size(); left > 1 && thread->used_ >= slice; --left) {
    thread->used_ -= slice;
    take_off(*thread);
    append(queue_, *thread);
    thread = find(queue_, vcpu);
  }
  return thread;
}

/// Of the threads without real-time priority.
Schedulable *Scheduler::pick_other(i32 vcpu) {
  Schedulable *woken = find(woken_, vcpu);
  const bool is_anyone_waiting = find(queue_, vcpu) != nullptr;
  // Many threads that wake and sleep can fill the vCPUs: who waits for its turn gets one, whole.
  const bool starved = is_anyone_waiting && ran_ - queue_ran_ >= 2 * slice;
  if (!is_anyone_waiting || (woken != nullptr && !starved))
    return woken;
  Schedulable *thread = next_turn(vcpu);
  queue_ran_ = ran_;
  if (starved)
    thread->used_ = 0;
  return thread;
}

Schedulable *Scheduler::pick(i32 vcpu) {
  if (!has_runnable())
    return nullptr;
  Schedulable *urgent = real_time_.empty() ? nullptr : find(real_time_, vcpu);
  Schedulable *thread = urgent;
  if (urgent == nullptr || turn_of_others_ends_ != 0) {
    Schedulable *other = pick_other(vcpu);
    thread = other != nullptr ? other : urgent;
  }
  if (thread == nullptr)
    return nullptr;
  take_off(*thread);
  thread->run_state_ = RunState::running;
  thread->vcpu_ = vcpu;
  thread->has_slice_ = true;
  running_.push_back(thread);
  return thread;
}

void Scheduler::put_back(Schedulable &thread, RunState state, Nanoseconds ran) {
  const i32 vcpu = std::exchange(thread.vcpu_, -1);
  std::erase(running_, &thread);
  ran_ += ran;
  thread.left_at_ = ran_;
  thread.used_ += thread.charge(ran);
  const bool yields = std::exchange(thread.yields_, false);
  if (yields && state == RunState::blocked)
    state = RunState::runnable;
  thread.run_state_ = state;
  const bool is_over = yields || thread.used_ >= thread.slice_length();
  if (is_over) {
    // What it ran while nobody waited isn't held against it: a turn is over at the next tick.
    const Nanoseconds most = thread.priority() > 0 ? 0 : thread.charge(tick_period);
    thread.used_ = std::clamp<Nanoseconds>(thread.used_ - slice, 0, most);
    thread.has_slice_ = false;
  }
  if (state != RunState::runnable)
    return;
  if (thread.priority() > 0) {
    // "A SCHED_FIFO thread that has been preempted by another thread of higher priority will stay
    // at the head of the list for its priority."
    enqueue_real_time(thread, !yields && (!is_over || thread.scheduling.policy == SCHED_FIFO));
  } else if (is_over) {
    append(queue_, thread);
  } else {
    queue_.push_front(&thread);
    pinned_ += thread.is_pinned() ? 1U : 0U;
  }
  if (!thread.may_run_on(vcpu) && notify_)
    notify_(thread);
}

void Scheduler::remove(Schedulable &thread, RunState state) {
  if (thread.run_state_ == RunState::runnable)
    take_off(thread);
  thread.run_state_ = state;
}

/// sched(7): who is raised goes to the end of the list for its new priority, who is lowered to the
/// front (Linux, POSIX's pthread_setschedprio); the same priority changes nothing.
void Scheduler::rank(Schedulable &thread, Scheduling scheduling, i16 inherited_priority) {
  const int priority = thread.priority();
  const u64 affinity = thread.scheduling.affinity;
  const int new_priority = std::max(scheduling.real_time_priority, inherited_priority);
  const bool is_queued = thread.run_state_ == RunState::runnable;
  const bool moves = new_priority != priority || scheduling.affinity != affinity;
  if (is_queued && moves)
    take_off(thread);
  thread.scheduling = scheduling;
  thread.inherited_priority_ = inherited_priority;
  if (thread.run_state_ == RunState::running && is_outranked(thread))
    kick(thread);
  if (!is_queued || !moves)
    return;
  if (thread.priority() > 0) {
    enqueue_real_time(thread, new_priority < priority);
    preempt_for_priority(thread);
  } else {
    append(queue_, thread);
  }
  if (notify_)
    notify_(thread);
}

void Scheduler::tick(Nanoseconds now) {
  if (turn_of_others_ends_ != 0) {
    if (now < turn_of_others_ends_)
      return;
    turn_of_others_ends_ = others_wait_since_ = 0;
  }
  const bool in_vain = has_others() && running_.size() >= vcpus_ &&
                       std::all_of(running_.begin(), running_.end(), [](const Schedulable *thread) {
                         return thread->priority() > 0;
                       });
  if (!in_vain)
    others_wait_since_ = 0;
  else if (others_wait_since_ == 0)
    others_wait_since_ = now;
  else if (now - others_wait_since_ >= longest_vain_wait)
    turn_of_others_ends_ = now + turn_of_others;
}

} // namespace tine::sched
