// Wait queues: who wants to know when something has changed.
//
// There is no state of a system call on a queue. A blocked thread is registered on the queues of
// what it waits for; when one of them is woken, its system call is tried again from the start. So a
// blocked thread is plain data, and a box can be copied at any instant.
#pragma once

#include "base/types.hpp"

#include <vector>

namespace tine::sched {

class WaitQueue;

/// Anything that can be told of a change: a thread, an epoll instance.
/// Invariant: registered on a queue at most once; leaves all queues when destroyed.
class WakeTarget {
public:
  WakeTarget() = default;
  WakeTarget(const WakeTarget &) = delete;
  WakeTarget &operator=(const WakeTarget &) = delete;

  /// `queue` was woken. The target may leave queues, this one too.
  virtual void woken(WaitQueue &queue) = 0;
  /// EPOLLEXCLUSIVE: of several such targets of a queue, wake_all() tells one.
  [[nodiscard]] virtual bool is_exclusive() const { return false; }
  void wait_on(WaitQueue &queue);
  void leave(WaitQueue &queue);
  void leave_all();

protected:
  virtual ~WakeTarget() { leave_all(); }

private:
  friend class WaitQueue;
  std::vector<WaitQueue *> queues_;
};

/// Owned by the object that can change (a pipe, a process, a futex). Order of registration is kept.
/// Waking does not unregister: the target decides. Guarded by the kernel lock.
class WaitQueue {
public:
  WaitQueue() = default;
  WaitQueue(const WaitQueue &) = delete;
  WaitQueue &operator=(const WaitQueue &) = delete;
  ~WaitQueue();

  void wake_all();
  /// Tells the first `count` targets; how many there were.
  u32 wake(u32 count);
  [[nodiscard]] bool empty() const { return targets_.empty(); }
  [[nodiscard]] std::size_t size() const { return targets_.size(); }

private:
  friend class WakeTarget;
  std::vector<WakeTarget *> targets_;
};

} // namespace tine::sched
