// How the kernel of a box tells the server's thread that something has changed.
#pragma once

#include "base/unique_fd.hpp"
#include "sched/wait_queue.hpp"

#include <atomic>
#include <utility>

namespace tine::daemon {

/// A host descriptor that becomes readable with raise(), once until it is cleared. Any thread.
class Wakeup {
public:
  /// std::runtime_error if the host gives no descriptor.
  Wakeup();
  void raise();
  void clear();
  [[nodiscard]] int descriptor() const { return event_.get(); }

private:
  UniqueFd event_;
  std::atomic<bool> raised_{false};
};

/// Stands on the wait queues of what the server looks at. Destroyed with the kernel lock.
class Watch final : public sched::WakeTarget {
public:
  explicit Watch(Wakeup &wakeup) : wakeup_(wakeup) {}
  void woken(sched::WaitQueue &) override {
    changed_ = true;
    wakeup_.raise();
  }
  /// Whether something has changed since the last call.
  [[nodiscard]] bool take_changed() { return std::exchange(changed_, false); }
  void set_changed() { changed_ = true; }

private:
  Wakeup &wakeup_;
  bool changed_ = true; ///< guarded by the kernel lock
};

} // namespace tine::daemon
