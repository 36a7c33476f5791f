#include "sched/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace tine::sched {

void Scheduler::make_runnable(Schedulable &thread) {
  if (thread.run_state_ == RunState::runnable || thread.run_state_ == RunState::running ||
      thread.run_state_ == RunState::dead)
    return;
  thread.run_state_ = RunState::runnable;
  queue_.push_back(&thread);
  if (notify_)
    notify_();
}

Schedulable *Scheduler::pick(i32 vcpu) {
  if (queue_.empty())
    return nullptr;
  Schedulable *thread = queue_.front();
  queue_.pop_front();
  thread->run_state_ = RunState::running;
  thread->vcpu_ = vcpu;
  return thread;
}

void Scheduler::put_back(Schedulable &thread, RunState state) {
  thread.vcpu_ = -1;
  if (std::exchange(thread.yields_, false) && state == RunState::blocked)
    state = RunState::runnable;
  thread.run_state_ = state;
  if (state == RunState::runnable)
    queue_.push_back(&thread);
}

void Scheduler::remove(Schedulable &thread, RunState state) {
  if (thread.run_state_ == RunState::runnable)
    std::erase(queue_, &thread);
  thread.run_state_ = state;
}

} // namespace tine::sched
