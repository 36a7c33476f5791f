// What the event thread does: timers, host descriptors, and the tick while a vCPU is busy.
#include "box/runtime.hpp"

#include "process/accounting.hpp"

#include <malloc.h>

namespace tine::box {
namespace {

constexpr Nanoseconds tick = 1'000'000;
/// Each busy vCPU comes back to the kernel this often: for CPU timers and accounting.
constexpr u32 ticks_per_check = 4;
/// When all have been idle for so long, the C library gives back what it keeps of freed memory:
/// that can be more than what is in use (150 MB after a storm of socketpair(2)).
constexpr Nanoseconds heap_trim_delay = 1'000'000'000;

} // namespace

void Runtime::event_main() {
  KernelGuard guard(lock_);
  while (!stopping_.load(std::memory_order_relaxed)) {
    const Nanoseconds now = time::TimerQueue::now();
    timers_.expire(now);
    events_.dispatch();
    on_tick(now);
    if (now - last_trim_ >= memory::FrameArena::trim_period) {
      frames_->trim_unused();
      last_trim_ = now;
    }

    // When every vCPU is idle and nothing is runnable it sleeps until it has a reason (on_runnable,
    // for what other host threads make runnable): an idle box takes no CPU at all.
    const bool idle = idle_vcpus_ == vcpus_.size() && !scheduler_.has_runnable();
    Nanoseconds timeout = idle ? idle_timeout() : tick;
    if (!idle) {
      last_busy_ = now;
      heap_is_trimmed_ = false;
    }
    const bool trims_heap = !heap_is_trimmed_ && now - last_busy_ >= heap_trim_delay;
    if (const auto deadline = timers_.next_deadline()) {
      const Nanoseconds due = *deadline > now ? *deadline - now : 0;
      timeout = timeout < 0 || due < timeout ? due : timeout;
    }
    event_wakeup_ = timeout < 0 ? INT64_MAX : now + timeout;
    guard.unlock();
    if (trims_heap) {
      ::malloc_trim(0);
      heap_is_trimmed_ = true;
    }
    events_.wait(trims_heap ? 0 : timeout);
    for (Vcpu &vcpu : vcpus_)
      vcpu.sampled_in_kernel = !vcpu.in_guest.load(std::memory_order_relaxed);
    guard.lock();
    event_wakeup_ = 0;
  }
}

/// Until there is something to give back to the host; -1: there is nothing.
Nanoseconds Runtime::idle_timeout() const {
  if (frames_->may_trim())
    return memory::FrameArena::trim_period;
  return heap_is_trimmed_ ? -1 : heap_trim_delay;
}

void Runtime::on_tick(Nanoseconds now) {
  for (Vcpu &vcpu : vcpus_) {
    if (vcpu.slice_start == 0 || !vcpu.cpu)
      continue;
    if (process::Kernel *kernel = vcpu.box.load(std::memory_order_relaxed);
        kernel != nullptr && kernel->load.is_due(now))
      kernel->load.sample(now, process::count_threads(*kernel).running);
    ++vcpu.ticks;
    if (vcpu.sampled_in_kernel)
      ++vcpu.kernel_ticks;
    const Nanoseconds ran = now - vcpu.slice_start;
    if ((vcpu.ticks % ticks_per_check == 0 && ran >= tick) ||
        (vcpu.running != nullptr && scheduler_.is_preempted(*vcpu.running, ran)))
      vcpu.cpu->request_exit();
  }
  scheduler_.tick(now);
  if (scheduler_.has_runnable() && sleeping_vcpus_ != 0)
    work_.notify_one();
}

} // namespace tine::box
