// The host's descriptors that guests wait for (standard input, host sockets): an idle vCPU sleeps
// here.
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "sched/wait_queue.hpp"

#include <unordered_map>

namespace tine::sched {

/// Watches host descriptors and wakes wait queues when they become ready. Guarded by the kernel
/// lock, except wait() (one thread, without the lock) and interrupt() (any thread).
class HostEvents {
public:
  HostEvents();

  /// Wakes `queue` once, when the host descriptor has one of `events` (EPOLLIN, ...) or an error. A
  /// further watch on the same descriptor adds to the first. The queue must outlive it: see
  /// unwatch.
  void watch(int host_fd, u32 events, WaitQueue &queue);
  /// Forgets the queue, and with the last queue the descriptor; must be called before that is
  /// closed.
  void unwatch(int host_fd, const WaitQueue &queue);

  /// Sleeps until a watched descriptor is ready, interrupt() is called or `timeout` (ns; -1: for
  /// ever) is over; returns how many events dispatch() has to deliver. Without the kernel lock.
  int wait(Nanoseconds timeout);
  /// Delivers what wait() found. By the thread that waits, with the kernel lock. A watch that took
  /// the place of one that was ready is woken, too: who waits looks again.
  void dispatch();
  /// Makes wait() return. Async-signal-safe.
  void interrupt();

  [[nodiscard]] bool watching() const { return !watches_.empty(); }

private:
  struct Watch {
    u32 events = 0;
    std::vector<WaitQueue *> queues;
  };

  UniqueFd epoll_;
  UniqueFd wakeup_;
  std::unordered_map<int, Watch> watches_;
  std::vector<int> ready_; ///< of the thread that waits: the lock does not guard it
};

} // namespace tine::sched
