#include "sched/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace tine::sched {

void Scheduler::make_runnable(Schedulable &thread) {
  if (thread.run_state_ == RunState::runnable || thread.run_state_ == RunState::running ||
      thread.run_state_ == RunState::dead)
    return;
  thread.run_state_ = RunState::runnable;
  if (ran_ - thread.left_at_ >= slice) {
    // Others have had what it did not take meanwhile.
    thread.used_ = 0;
    thread.has_slice_ = true;
  }
  if (thread.has_slice_) {
    woken_.push_back(&thread);
    preempt_for(thread);
  } else {
    queue_.push_back(&thread);
  }
  if (notify_)
    notify_();
}

/// Of the running threads the one that has used most goes, if that is much more than `woken` has.
/// What they have used since they were picked is not known here: the tick asks is_preempted()
/// again.
void Scheduler::preempt_for(const Schedulable &woken) {
  if (running_.size() < vcpus_)
    return; // one is idle
  const auto most =
      std::max_element(running_.begin(), running_.end(),
                       [](const auto *a, const auto *b) { return a->used_ < b->used_; });
  if (most != running_.end() && (*most)->used_ >= woken.used_ + wakeup_granularity)
    kick(**most);
}

Schedulable *Scheduler::pick(i32 vcpu) {
  if (!has_runnable())
    return nullptr;
  // Many threads that wake and sleep can fill the vCPUs: who waits for its turn gets one, whole.
  const bool starved = !queue_.empty() && ran_ - queue_ran_ >= 2 * slice;
  std::deque<Schedulable *> &from = woken_.empty() || starved ? queue_ : woken_;
  Schedulable *thread = from.front();
  from.pop_front();
  if (&from == &queue_)
    queue_ran_ = ran_;
  if (starved)
    thread->used_ = 0;
  thread->run_state_ = RunState::running;
  thread->vcpu_ = vcpu;
  thread->has_slice_ = true;
  running_.push_back(thread);
  return thread;
}

void Scheduler::put_back(Schedulable &thread, RunState state, Nanoseconds ran) {
  thread.vcpu_ = -1;
  std::erase(running_, &thread);
  ran_ += ran;
  thread.left_at_ = ran_;
  thread.used_ += ran;
  const bool yields = std::exchange(thread.yields_, false);
  if (yields && state == RunState::blocked)
    state = RunState::runnable;
  thread.run_state_ = state;
  const bool is_over = yields || thread.used_ >= slice;
  if (is_over) {
    thread.used_ = 0;
    thread.has_slice_ = false;
  }
  if (state == RunState::runnable && is_over)
    queue_.push_back(&thread);
  else if (state == RunState::runnable)
    queue_.push_front(&thread);
}

bool Scheduler::is_preempted(const Schedulable &thread, Nanoseconds ran) const {
  const Nanoseconds used = thread.used_ + ran;
  return (has_runnable() && used >= slice) ||
         (!woken_.empty() && used >= woken_.front()->used_ + wakeup_granularity);
}

void Scheduler::remove(Schedulable &thread, RunState state) {
  if (thread.run_state_ == RunState::runnable && std::erase(woken_, &thread) == 0)
    std::erase(queue_, &thread);
  thread.run_state_ = state;
}

} // namespace tine::sched
