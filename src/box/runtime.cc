#include "box/runtime.hpp"

#include "process/process.hpp"

#include <stdexcept>

namespace tine::box {
namespace {

std::unique_ptr<memory::FrameArena> create_frames(u64 limit_bytes) {
  memory::FrameArena::Options options;
  options.limit_bytes = limit_bytes;
  auto frames = memory::FrameArena::create(options);
  if (!frames)
    throw std::runtime_error("the host gives no address space for the box's memory");
  return std::move(*frames);
}

} // namespace

Runtime::Runtime(const RuntimeOptions &options)
    : frames_(create_frames(options.memory_bytes)), machine_(cpu::Machine::create(*frames_, lock_)),
      scheduler_(options.vcpus), host_{lock_, *frames_, *machine_, scheduler_, timers_, events_},
      vcpus_(options.vcpus) {
  scheduler_.on_runnable([this](const sched::Schedulable &thread) {
    has_work_.store(true, std::memory_order_relaxed);
    if (event_wakeup_ == INT64_MAX) // it sleeps until it has a reason: now vCPUs need its ticks
      events_.interrupt();
    // With a busy vCPU: it takes the thread when its own blocks, or the event thread wakes a
    // sleeping vCPU at the next tick. Waking one here would cost a forking parent more than the
    // fork does.
    if (sleeping_vcpus_ == 0)
      return;
    if (thread.priority() > 0 || thread.scheduling.affinity != ~u64{0})
      work_.notify_all(); // not any vCPU, or at once
    else if (sleeping_vcpus_ == vcpus_.size())
      work_.notify_one();
  });
  scheduler_.on_kick([this](i32 index) { vcpus_[static_cast<u32>(index)].cpu->request_exit(); });
  timers_.on_earlier([this] {
    if (event_wakeup_ != 0 && *timers_.next_deadline() < event_wakeup_)
      events_.interrupt();
  });
}

Runtime::~Runtime() {
  stop();
}

void Runtime::start() {
  for (u32 index = 0; index < vcpus_.size(); ++index)
    vcpus_[index].thread = std::thread([this, index] { vcpu_main(index); });
  event_thread_ = std::thread([this] { event_main(); });
}

void Runtime::stop() {
  {
    const KernelGuard guard(lock_);
    stopping_.store(true);
    work_.notify_all();
    events_.interrupt();
    for (Vcpu &vcpu : vcpus_)
      if (vcpu.cpu)
        vcpu.cpu->request_exit();
  }
  for (Vcpu &vcpu : vcpus_)
    if (vcpu.thread.joinable())
      vcpu.thread.join();
  if (event_thread_.joinable())
    event_thread_.join();
}

bool Runtime::wait_until(const std::function<bool()> &done, const Deadline &deadline) {
  KernelGuard guard(lock_);
  while (!done())
    if (!deadline)
      progress_.wait(guard);
    else if (progress_.wait_until(guard, *deadline) == std::cv_status::timeout)
      return done();
  return true;
}

} // namespace tine::box
