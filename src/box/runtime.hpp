// The host side that all boxes of this host process share: memory, the code cache, the vCPUs.
//
//   vCPU thread 0..n-1:  picks a thread, runs it until its slice is over or it blocks; sleeps when
//   idle event thread:        sleeps until a timer is due, a host descriptor is ready or, while a
//   vCPU is busy,
//                        a tick is over
//
// Everything happens under one kernel lock, which a vCPU gives up only while it runs guest code or
// sleeps.
#pragma once

#include "base/kernel_lock.hpp"
#include "cpu/vcpu.hpp"
#include "process/kernel.hpp"
#include "sched/host_events.hpp"
#include "sched/scheduler.hpp"
#include "syscall/dispatch.hpp"
#include "time/timer_queue.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace tine::box {

struct RuntimeOptions {
  u32 vcpus = 1;
  u64 memory_bytes = u64{64} << 30;
};

/// Owned by the command. start() makes the host threads, the destructor ends them. Guest threads
/// that are on no vCPU are plain data.
class Runtime {
public:
  /// std::runtime_error if the host gives no memory or no descriptors.
  explicit Runtime(const RuntimeOptions &options);
  ~Runtime();
  Runtime(const Runtime &) = delete;
  Runtime &operator=(const Runtime &) = delete;

  void start();
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;
  /// Waits until `done` is true; it is asked, with the kernel lock, when a thread of a box's main
  /// process has ended or stopped, or a box was frozen by what a thread of it did. False after the
  /// deadline.
  bool wait_until(const std::function<bool()> &done, const Deadline &deadline = {});
  /// wait_until() asks again. With the kernel lock.
  void notify() { progress_.notify_all(); }
  /// The kernel lock, with no vCPU running a thread of the box: each leaves its guest code at the
  /// end of a block, and enters none of the box before the lock is released. For any host thread.
  [[nodiscard]] KernelGuard pause(const process::Kernel &kernel);
  /// Ends all host threads. Guest threads stay where they are.
  void stop();

  [[nodiscard]] process::Host &host() { return host_; }
  [[nodiscard]] u32 vcpu_count() const { return static_cast<u32>(vcpus_.size()); }

private:
  struct Vcpu {
    std::unique_ptr<cpu::Vcpu> cpu;
    std::thread thread;
    Nanoseconds slice_start = 0;                 ///< 0: idle
    sched::Schedulable *running = nullptr;       ///< since then
    std::atomic<bool> in_guest{false};           ///< for the tick's samples
    std::atomic<process::Kernel *> box{nullptr}; ///< whose thread it runs; set with the lock
    bool sampled_in_kernel = false;  ///< the event thread's last look, taken without the lock
    u32 ticks = 0, kernel_ticks = 0; ///< of this slice: samples, and those that saw the kernel
  };

  /// False: the runtime stops.
  [[nodiscard]] bool wait_for_first_work(u32 index);
  void vcpu_main(u32 index);
  syscall::Next run_thread(KernelGuard &guard, Vcpu &vcpu, process::Thread &thread);
  syscall::Next act_on(const cpu::Exit &exit, process::Thread &thread);
  void account(Vcpu &vcpu, process::Thread &thread, process::Process &process);
  void sleep_idle(KernelGuard &guard, u32 index);
  void wait_while_paused(KernelGuard &guard, const process::Kernel &kernel);
  [[nodiscard]] bool runs(const process::Kernel &kernel) const;
  void event_main();
  [[nodiscard]] Nanoseconds idle_timeout() const;
  void on_tick(Nanoseconds now);
  void relieve_memory(process::Kernel &kernel);

  KernelLock lock_;
  std::unique_ptr<memory::FrameArena> frames_;
  std::unique_ptr<cpu::Machine> machine_;
  sched::Scheduler scheduler_;
  time::TimerQueue timers_;
  sched::HostEvents events_;
  process::Host host_;
  std::vector<Vcpu> vcpus_;
  std::thread event_thread_;
  std::condition_variable_any work_;     ///< an idle vCPU sleeps here
  std::condition_variable_any progress_; ///< wait_until sleeps here
  /// Whether a thread is runnable, for idle vCPUs that spin without the lock.
  std::atomic<bool> has_work_{false};
  u32 idle_vcpus_ = 0, sleeping_vcpus_ = 0;
  Nanoseconds last_idle_start_ = 0; ///< of any vCPU
  bool work_comes_soon_ = false;    ///< it did the last time
  bool is_spinning_longer_ = false; ///< a vCPU is, for that reason: one is enough
  // Of the event thread, host monotonic:
  Nanoseconds last_trim_ = 0, last_busy_ = 0;
  bool heap_is_trimmed_ = true;  ///< nothing has run since
  Nanoseconds event_wakeup_ = 0; ///< when the event thread wakes by itself; 0: it is awake
  std::atomic<bool> stopping_{false};
  /// The box that pause() waits for; one at a time.
  std::atomic<const process::Kernel *> paused_{nullptr};
  std::mutex pausing_;
};

} // namespace tine::box
