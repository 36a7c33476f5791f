#include "base/kernel_lock.hpp"

#include <emmintrin.h>

namespace tine {

void KernelLock::lock_contended() {
  constexpr int spins = 400; // some 20 µs
  for (int i = 0; i < spins; ++i) {
    if (state_.load(std::memory_order_relaxed) == free && try_lock())
      return;
    _mm_pause();
  }
  while (state_.exchange(held_with_sleepers, std::memory_order_acquire) != free)
    state_.wait(held_with_sleepers, std::memory_order_relaxed);
}

} // namespace tine
