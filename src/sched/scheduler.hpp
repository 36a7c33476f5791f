// Which thread a vCPU runs next.
#pragma once

#include "sched/wait_queue.hpp"

#include <deque>
#include <functional>
#include <vector>

namespace tine::sched {

enum class RunState : u8 {
  runnable, ///< on the run queue
  running,  ///< on a vCPU
  blocked,  ///< waits for a queue, a timer or a signal
  stopped,  ///< job control or ptrace
  dead,
};

/// How long a thread runs while others wait, in one turn or in several between which it blocked.
constexpr Nanoseconds slice = 4'000'000;
/// A woken thread takes the vCPU of one that has used this much more of its slice: Linux's wake-up
/// granularity, which "reduces their over-scheduling" (kernel/sched/fair.c): a writer and its
/// reader.
constexpr Nanoseconds wakeup_granularity = 1'000'000;

/// A thread as the scheduler sees it. Invariant: in one of the two queues exactly if runnable.
class Schedulable : public WakeTarget {
public:
  [[nodiscard]] RunState run_state() const { return run_state_; }
  /// Which vCPU runs it, -1 if none does.
  [[nodiscard]] i32 vcpu() const { return vcpu_; }

private:
  friend class Scheduler;
  RunState run_state_ = RunState::blocked;
  bool yields_ = false;
  bool has_slice_ = false; ///< it is new, or has used it up: it queues at the end
  i32 vcpu_ = -1;
  Nanoseconds used_ = 0;            ///< of its slice
  Nanoseconds left_at_ = INT64_MAX; ///< Scheduler::ran_ when it left its vCPU; never
};

/// Which of a box family's threads runs next. Owns no thread. Guarded by the kernel lock.
///
/// Round robin with slices that outlast a block: a thread that blocks, wakes and still has some of
/// its slice goes before those whose turn is to come, and preempts a thread that has used much more
/// of its own. So a server answers at once beside threads that only compute, and gets no more time
/// than they do. A new thread, and one whose slice is used up, queues at the end.
class Scheduler {
public:
  explicit Scheduler(u32 vcpus = 1) : vcpus_(vcpus) {}

  /// Blocked or new becomes runnable; nothing if it is runnable or running already. A stopped
  /// thread is made runnable too: the caller knows that it may go on.
  void make_runnable(Schedulable &thread);
  /// The next thread for vCPU `vcpu`, now running; null if none is runnable.
  [[nodiscard]] Schedulable *pick(i32 vcpu);
  /// The running thread leaves its vCPU after `ran`, as `state` says. A runnable one goes on next
  /// if some of its slice is left.
  void put_back(Schedulable &thread, RunState state, Nanoseconds ran);
  /// Whether another thread should have the vCPU on which `thread` has run for `ran`.
  [[nodiscard]] bool is_preempted(const Schedulable &thread, Nanoseconds ran) const;
  /// The running thread's slice is over. For sched_yield(2), which then blocks, it means that it
  /// queues at the end instead.
  void yield(Schedulable &thread) { thread.yields_ = true; }
  /// Takes a thread that isn't running off its queue (it dies or stops).
  void remove(Schedulable &thread, RunState state);

  [[nodiscard]] bool has_runnable() const { return !woken_.empty() || !queue_.empty(); }
  [[nodiscard]] std::size_t runnable_count() const { return woken_.size() + queue_.size(); }

  /// Called when a thread becomes runnable, so that an idle vCPU can be woken.
  void on_runnable(std::function<void()> notify) { notify_ = std::move(notify); }
  /// Makes the vCPU that runs `thread` come back to the kernel soon; nothing if none does.
  void on_kick(std::function<void(i32 vcpu)> kick) { kick_ = std::move(kick); }
  void kick(const Schedulable &thread) {
    if (thread.vcpu() >= 0 && kick_)
      kick_(thread.vcpu());
  }

private:
  void preempt_for(const Schedulable &woken);

  std::deque<Schedulable *> woken_; ///< with some of a slice left, in the order of waking
  std::deque<Schedulable *> queue_;
  std::vector<Schedulable *> running_;
  u32 vcpus_;
  Nanoseconds ran_ = 0;       ///< all threads' time on vCPUs
  Nanoseconds queue_ran_ = 0; ///< ran_ when a thread of queue_ was last picked
  std::function<void()> notify_;
  std::function<void(i32)> kick_;
};

} // namespace tine::sched
