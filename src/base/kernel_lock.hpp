// The one lock of the kernel. A vCPU runs guest code without it and takes it for everything else:
// faults, system calls, scheduling. Everything in memory/, fs/, net/, time/, sched/ and process/ is
// guarded by it unless the member says otherwise.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace tine {

/// Meets BasicLockable; not recursive.
class KernelLock {
public:
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  [[nodiscard]] bool try_lock() { return mutex_.try_lock(); }

private:
  std::mutex mutex_;
};

using KernelGuard = std::unique_lock<KernelLock>;

} // namespace tine
