// The one lock of the kernel. A vCPU runs guest code without it and takes it for everything else:
// faults, system calls, scheduling. Everything in memory/, fs/, net/, time/, sched/ and process/ is
// guarded by it unless the member says otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace tine {

/// Meets BasicLockable; not recursive. Held for less than a microsecond as a rule, while the host's
/// sleep and wake-up cost tens: so a waiter spins a while first.
class KernelLock {
public:
  void lock() {
    std::uint32_t expected = free;
    if (!state_.compare_exchange_strong(expected, held, std::memory_order_acquire)) [[unlikely]]
      lock_contended();
  }
  void unlock() {
    if (state_.exchange(free, std::memory_order_release) == held_with_sleepers) [[unlikely]]
      state_.notify_one();
  }
  [[nodiscard]] bool try_lock() {
    std::uint32_t expected = free;
    return state_.compare_exchange_strong(expected, held, std::memory_order_acquire);
  }

private:
  static constexpr std::uint32_t free = 0, held = 1, held_with_sleepers = 2;
  void lock_contended();

  std::atomic<std::uint32_t> state_{free};
};

using KernelGuard = std::unique_lock<KernelLock>;

} // namespace tine
