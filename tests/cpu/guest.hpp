// The other side: the same code and memory in an address space of tine, through a vCPU.
#pragma once

#include "base/kernel_lock.hpp"
#include "cpu/vcpu.hpp"
#include "layout.hpp"
#include "outcome.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace tine::test {

/// Where the frames of the window lie: neighbouring pages side by side, or each somewhere else.
enum class Frames : u8 { as_allocated, scattered };

/// A machine, one address space with the regions of layout.hpp, and vCPUs on demand. The destructor
/// checks the space's invariants.
class Guest {
public:
  explicit Guest(Frames frames = Frames::as_allocated);
  ~Guest();
  Guest(const Guest &) = delete;
  Guest &operator=(const Guest &) = delete;

  [[nodiscard]] memory::AddressSpace &space() { return *space_; }
  [[nodiscard]] memory::FrameArena &frames() { return *frames_; }
  [[nodiscard]] cpu::Machine &machine() { return *machine_; }
  [[nodiscard]] KernelLock &lock() { return lock_; }
  /// The vCPU of the calling (constructing) thread.
  [[nodiscard]] cpu::Vcpu &vcpu() { return *vcpu_; }

  /// Runs until a signal, a system call, or `limit` (then Outcome::timed_out).
  [[nodiscard]] Outcome run(const cpu::CpuState &state);
  [[nodiscard]] Outcome run(const cpu::CpuState &state, memory::AddressSpace &space);
  static Outcome run_on(cpu::Vcpu &vcpu, const cpu::CpuState &state, memory::AddressSpace &space);

  void write_code(u64 address, std::span<const u8> code);
  void load(const MemoryImage &image);
  void store(MemoryImage &image);

  // What the system calls of these names do, under the kernel lock; a failure fails the test.
  u64 map(u64 address, u64 length, int protection);
  void map_object(u64 address, u64 length, int protection, const Ref<memory::PageObject> &object,
                  u64 page);
  void unmap(u64 address, u64 length);
  void protect(u64 address, u64 length, int protection);
  [[nodiscard]] Ref<memory::AddressSpace> fork();
  void end(Ref<memory::AddressSpace> &space);
  /// As the kernel writes: regardless of protection.
  void write(memory::AddressSpace &space, u64 address, std::span<const u8> bytes);
  [[nodiscard]] u64 read_u64(u64 address);

private:
  void map_scattered_window();

  KernelLock lock_;
  std::unique_ptr<memory::FrameArena> frames_;
  std::unique_ptr<cpu::Machine> machine_;
  Ref<memory::AddressSpace> space_;
  std::unique_ptr<cpu::Vcpu> vcpu_;
};

/// Calls request_exit when a run takes longer than `limit`, so that a translator that loops forever
/// fails a test and does not hang it. One for the process.
class Watchdog {
public:
  static Watchdog &instance();
  /// While it lives, `vcpu` is watched.
  class Watch {
  public:
    explicit Watch(cpu::Vcpu &vcpu);
    ~Watch();
    Watch(const Watch &) = delete;
    Watch &operator=(const Watch &) = delete;
    [[nodiscard]] bool expired() const;

  private:
    std::size_t slot_;
  };

private:
  Watchdog();
  ~Watchdog();
  void loop();

  struct Slot {
    cpu::Vcpu *vcpu = nullptr;
    int ticks = 0;
    bool expired = false;
  };
  std::mutex mutex_;
  std::array<Slot, 16> slots_;
  bool stop_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

} // namespace tine::test
