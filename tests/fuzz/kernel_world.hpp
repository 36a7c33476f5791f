// A kernel with one process, as a fuzz target needs it: no vCPU runs, no program was loaded.
#pragma once

#include "process/kernel.hpp"
#include "process/process.hpp"

#include <array>
#include <optional>

namespace tine::fuzz {

/// What is the same for all inputs: the host's side. Made once.
struct HostWorld {
  KernelLock lock;
  std::unique_ptr<memory::FrameArena> frames;
  std::unique_ptr<cpu::Machine> machine;
  sched::Scheduler scheduler;
  time::TimerQueue timers;
  sched::HostEvents events;
  process::Host host;
  std::string empty_directory; ///< of the host: what the box's tree shows

  HostWorld();
  ~HostWorld();
  HostWorld(const HostWorld &) = delete;
  HostWorld &operator=(const HostWorld &) = delete;
  [[nodiscard]] static HostWorld &instance();
};

/// A kernel and its main process: root, a tree with /proc, /dev and /sys over an empty directory,
/// no descriptors, three pages of code, four of data. Its end leaves no frame in use, or the target
/// fails. With the kernel lock.
class KernelWorld {
public:
  static constexpr GuestAddress code{0x400000}, data{0x10000000}, stack{0x7ffff0000000};
  static constexpr u64 code_pages = 3, data_pages = 4, stack_pages = 8;

  KernelWorld();
  ~KernelWorld();
  KernelWorld(const KernelWorld &) = delete;
  KernelWorld &operator=(const KernelWorld &) = delete;

  /// One system call of the process, from registers to registers: what rax says, or nothing when
  /// the thread was stopped or has ended. A call that blocks is interrupted by SIGUSR1, which has a
  /// handler.
  std::optional<i64> call(u64 number, const std::array<u64, 6> &arguments);
  /// A file in memory with such contents, open for reading.
  [[nodiscard]] Ref<fs::File> file_with(std::span<const u8> contents);
  [[nodiscard]] process::Kernel &kernel() { return *kernel_; }
  [[nodiscard]] process::Thread &thread() { return *thread_; }

private:
  void map(GuestAddress address, u64 pages, memory::Protection protection);

  u64 frames_before_;
  std::unique_ptr<process::Kernel> kernel_;
  Ref<process::Thread> thread_;
};

} // namespace tine::fuzz
