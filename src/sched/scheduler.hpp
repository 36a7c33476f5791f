// Which thread a vCPU runs next.
#pragma once

#include "sched/wait_queue.hpp"

#include <deque>
#include <functional>

namespace tine::sched {

enum class RunState : u8 {
  runnable, ///< on the run queue
  running,  ///< on a vCPU
  blocked,  ///< waits for a queue, a timer or a signal
  stopped,  ///< job control or ptrace
  dead,
};

/// A thread as the scheduler sees it. Invariant: on the run queue exactly if runnable.
class Schedulable : public WakeTarget {
public:
  [[nodiscard]] RunState run_state() const { return run_state_; }
  /// Which vCPU runs it, -1 if none does.
  [[nodiscard]] i32 vcpu() const { return vcpu_; }

private:
  friend class Scheduler;
  RunState run_state_ = RunState::blocked;
  bool yields_ = false;
  i32 vcpu_ = -1;
};

/// One box family's run queue; round robin. Owns no thread. Guarded by the kernel lock.
class Scheduler {
public:
  /// Blocked or new becomes runnable; nothing if it is runnable or running already. A stopped
  /// thread is made runnable too: the caller knows that it may go on.
  void make_runnable(Schedulable &thread);
  /// The next thread for vCPU `vcpu`, now running; null if none is runnable.
  [[nodiscard]] Schedulable *pick(i32 vcpu);
  /// The running thread leaves its vCPU: back to the end of the queue, or as `state` says.
  void put_back(Schedulable &thread, RunState state);
  /// sched_yield(2): the running thread, which is about to block, goes to the end of the queue
  /// instead.
  void yield(Schedulable &thread) { thread.yields_ = true; }
  /// Takes a thread that isn't running off the queue (it dies or stops).
  void remove(Schedulable &thread, RunState state);

  [[nodiscard]] bool has_runnable() const { return !queue_.empty(); }
  [[nodiscard]] std::size_t runnable_count() const { return queue_.size(); }

  /// Called when a thread becomes runnable, so that an idle vCPU can be woken.
  void on_runnable(std::function<void()> notify) { notify_ = std::move(notify); }
  /// Makes the vCPU that runs `thread` come back to the kernel soon; nothing if none does.
  void on_kick(std::function<void(i32 vcpu)> kick) { kick_ = std::move(kick); }
  void kick(const Schedulable &thread) {
    if (thread.vcpu() >= 0 && kick_)
      kick_(thread.vcpu());
  }

private:
  std::deque<Schedulable *> queue_;
  std::function<void()> notify_;
  std::function<void(i32)> kick_;
};

} // namespace tine::sched
