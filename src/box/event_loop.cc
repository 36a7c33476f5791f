// What the event thread does: timers, host descriptors, and the tick while a vCPU is busy.
#include "box/runtime.hpp"

#include "process/accounting.hpp"

namespace tine::box {
namespace {

constexpr Nanoseconds tick = 1'000'000;
/// Each busy vCPU comes back to the kernel this often: for CPU timers and accounting.
constexpr u32 ticks_per_check = 4;

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

    // Nothing can become runnable without this thread when every vCPU is idle and nothing is
    // runnable, so then it sleeps until it has a reason: an idle box takes no CPU at all.
    const bool idle = idle_vcpus_ == vcpus_.size() && !scheduler_.has_runnable();
    Nanoseconds timeout = idle ? -1 : tick;
    if (idle && frames_->may_trim())
      timeout = memory::FrameArena::trim_period;
    if (const auto deadline = timers_.next_deadline()) {
      const Nanoseconds due = *deadline > now ? *deadline - now : 0;
      timeout = timeout < 0 || due < timeout ? due : timeout;
    }
    event_wakeup_ = timeout < 0 ? INT64_MAX : now + timeout;
    guard.unlock();
    events_.wait(timeout);
    for (Vcpu &vcpu : vcpus_)
      vcpu.sampled_in_kernel = !vcpu.in_guest.load(std::memory_order_relaxed);
    guard.lock();
    event_wakeup_ = 0;
  }
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
