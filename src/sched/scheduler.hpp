// Which thread a vCPU runs next.
#pragma once

#include "base/types.hpp"
#include "sched/wait_queue.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <sched.h>
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
/// The same of SCHED_RR: Linux's sched_rr_timeslice_ms.
constexpr Nanoseconds round_robin_slice = 100'000'000;
/// A woken thread takes the vCPU of one that has used this much more of its slice: Linux's wake-up
/// granularity, which "reduces their over-scheduling" (kernel/sched/fair.c): a writer and its
/// reader.
constexpr Nanoseconds wakeup_granularity = 1'000'000;
/// How often is_preempted() is asked while a thread runs: about each millisecond.
constexpr Nanoseconds tick_period = 1'000'000;

/// How a thread competes for the vCPUs, sched(7).
struct Scheduling {
  int policy = SCHED_OTHER;
  i16 real_time_priority = 0; ///< 1 to 99 of SCHED_FIFO and SCHED_RR, 0 of all others
  i8 nice = 0;                ///< -20 to 19; counts for SCHED_OTHER and SCHED_BATCH
  bool reset_on_fork = false; ///< SCHED_RESET_ON_FORK
  u64 affinity = ~u64{0};     ///< the vCPUs that may run it, a bit each
};

/// A thread as the scheduler sees it. Invariant: in one of the three queues exactly if runnable.
class Schedulable : public WakeTarget {
public:
  [[nodiscard]] RunState run_state() const { return run_state_; }
  /// With which it competes: its own or an inherited one, whichever is higher; 0: real-time
  /// threads go before it.
  [[nodiscard]] int priority() const {
    return std::max(scheduling.real_time_priority, inherited_priority_);
  }
  /// Which vCPU runs it, -1 if none does.
  [[nodiscard]] i32 vcpu() const { return vcpu_; }
  /// Changed by Scheduler::change once the thread may run.
  Scheduling scheduling;

private:
  friend class Scheduler;
  [[nodiscard]] Nanoseconds slice_length() const {
    return scheduling.policy == SCHED_RR ? round_robin_slice : slice;
  }
  /// What `ran` on a vCPU takes of the slice.
  [[nodiscard]] Nanoseconds charge(Nanoseconds ran) const;
  [[nodiscard]] bool is_pinned() const { return scheduling.affinity != ~u64{0}; }
  [[nodiscard]] bool may_run_on(i32 vcpu) const {
    return vcpu < 0 || vcpu >= 64 || (scheduling.affinity >> vcpu & 1U) != 0;
  }

  RunState run_state_ = RunState::blocked;
  bool yields_ = false;
  bool has_slice_ = false; ///< it is new, or has used it up: it queues at the end
  i32 vcpu_ = -1;
  i16 inherited_priority_ = 0;      ///< Scheduler::inherit
  Nanoseconds used_ = 0;            ///< of its slice, or of more than one: then it must wait
  Nanoseconds left_at_ = INT64_MAX; ///< Scheduler::ran_ when it left its vCPU; never
};

/// Which of a box family's threads runs next. Owns no thread. Guarded by the kernel lock.
///
/// Round robin with slices that outlast a block: a thread that blocks, wakes and still has some of
/// its slice goes before those whose turn is to come, and preempts a thread that has used much more
/// of its own. So a server answers at once beside threads that only compute, and gets no more time
/// than they do. A new thread, and one whose slice is used up, queues at the end.
///
/// The nice value says how fast a slice is used up: by a factor of 1.25 for each step (sched(7)),
/// and as good as at once with SCHED_IDLE. Who has used more than a slice in a turn, which is no
/// shorter than a tick, lets that many turns pass.
///
/// Threads with a real-time priority go before all these, the highest first, and preempt at once
/// what ranks lower. They don't shut the others out: as with Linux's fair server, who waits for a
/// second while they have all vCPUs gets 50 ms of it.
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
  /// Whether the running thread must leave its vCPU at once, in the middle of its slice: for a
  /// higher priority, or since it may run there no more.
  [[nodiscard]] bool is_outranked(const Schedulable &thread) const {
    return !thread.may_run_on(thread.vcpu_) ||
           (!real_time_.empty() && has_higher_priority_for(thread));
  }
  /// The running thread's slice is over. For sched_yield(2), which then blocks, it means that it
  /// queues at the end instead.
  void yield(Schedulable &thread) { thread.yields_ = true; }
  /// Whether anyone would run if the running thread yielded.
  [[nodiscard]] bool has_rival(const Schedulable &running) const;
  /// sched_setscheduler(2), sched_setaffinity(2): of a thread in any state.
  void change(Schedulable &thread, const Scheduling &scheduling) {
    rank(thread, scheduling, thread.inherited_priority_);
  }
  /// The thread has a real-time priority of at least `priority` until it inherits another one; 0:
  /// its own.
  void inherit(Schedulable &thread, int priority) {
    rank(thread, thread.scheduling, static_cast<i16>(priority));
  }
  /// Called about each millisecond while a vCPU is busy.
  void tick(Nanoseconds now);
  /// Takes a thread that isn't running off its queue (it dies or stops).
  void remove(Schedulable &thread, RunState state);

  [[nodiscard]] bool has_runnable() const { return has_others() || !real_time_.empty(); }
  [[nodiscard]] bool has_runnable_for(i32 vcpu) const {
    return find(real_time_, vcpu) != nullptr || has_others_for(vcpu);
  }
  [[nodiscard]] std::size_t runnable_count() const {
    return real_time_.size() + woken_.size() + queue_.size();
  }

  /// Called when a thread becomes runnable, so that an idle vCPU can be woken.
  void on_runnable(std::function<void(const Schedulable &)> notify) { notify_ = std::move(notify); }
  /// Makes the vCPU that runs `thread` come back to the kernel soon; nothing if none does.
  void on_kick(std::function<void(i32 vcpu)> kick) { kick_ = std::move(kick); }
  void kick(const Schedulable &thread) {
    if (thread.vcpu() >= 0 && kick_)
      kick_(thread.vcpu());
  }

private:
  using Queue = std::deque<Schedulable *>;
  void preempt_for(const Schedulable &woken);
  void preempt_for_priority(const Schedulable &thread);
  void rank(Schedulable &thread, Scheduling scheduling, i16 inherited_priority);
  void enqueue_real_time(Schedulable &thread, bool first_of_its_priority);
  void append(Queue &queue, Schedulable &thread);
  void take_off(Schedulable &thread);
  [[nodiscard]] Schedulable *pick_other(i32 vcpu);
  [[nodiscard]] Schedulable *next_turn(i32 vcpu);
  [[nodiscard]] Schedulable *find(const Queue &queue, i32 vcpu) const;
  [[nodiscard]] bool has_idle_vcpu_for(const Schedulable &thread) const;
  [[nodiscard]] bool has_higher_priority_for(const Schedulable &thread) const;
  [[nodiscard]] bool has_others() const { return !woken_.empty() || !queue_.empty(); }
  [[nodiscard]] bool has_others_for(i32 vcpu) const {
    return find(woken_, vcpu) != nullptr || find(queue_, vcpu) != nullptr;
  }

  Queue real_time_; ///< by descending priority
  Queue woken_;     ///< with some of a slice left, in the order of waking
  Queue queue_;
  u32 pinned_ = 0; ///< threads in any queue that may not run on all vCPUs
  std::vector<Schedulable *> running_;
  u32 vcpus_;
  Nanoseconds ran_ = 0;                 ///< all threads' time on vCPUs
  Nanoseconds queue_ran_ = 0;           ///< ran_ when a thread of queue_ was last picked
  Nanoseconds others_wait_since_ = 0;   ///< for real-time threads on all vCPUs; 0: they don't
  Nanoseconds turn_of_others_ends_ = 0; ///< 0: it isn't theirs
  std::function<void(const Schedulable &)> notify_;
  std::function<void(i32)> kick_;
};

} // namespace tine::sched
