// A vCPU: a host thread's ability to run guest code, until the kernel is needed.
#pragma once

#include "base/kernel_lock.hpp"
#include "base/ref.hpp"
#include "base/types.hpp"
#include "cpu/cpu_state.hpp"
#include "memory/address_space.hpp"

#include <memory>

namespace tine::cpu {

/// Why run() came back.
enum class ExitReason : u8 {
  system_call, ///< `syscall`; state.rip is the instruction after it, rcx and r11 are set as by
               ///< hardware
  signal,      ///< the instruction at state.rip raised what `Exit` describes as a siginfo
  preempted,   ///< request_exit() was called
};

struct Exit {
  ExitReason reason = ExitReason::preempted;
  int signal = 0;       ///< SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP
  int code = 0;         ///< si_code
  GuestAddress address; ///< si_addr
  u64 error_code = 0;   ///< page-fault error code, for the signal frame
  u64 trap_number = 0;
  bool out_of_memory = false; ///< no frame could be had: the box's OOM killer decides, then retry
};

struct CpuCounters {
  u64 blocks_translated = 0, instructions_translated = 0, tlb_misses = 0, code_bytes = 0,
      cache_flushes = 0, smc_invalidations = 0;
};

/// The code cache and everything else that vCPUs share. One for the host process. Lives as long as
/// the frames that its translations were made from.
class Machine {
public:
  /// The lock guards everything; run() takes it for faults.
  static std::unique_ptr<Machine> create(memory::FrameArena &frames, KernelLock &lock);
  virtual ~Machine() = default;

  /// Must be called for each new address space before it runs (execve, fork): registers the
  /// observer. A fork that names its parent shares the knowledge of where the parent's code lies:
  /// nothing is looked up again in the child. Kernel lock held.
  virtual void attach(memory::AddressSpace &space,
                      const memory::AddressSpace *forked_from = nullptr) = 0;
  /// The last thread has left the space; called before it is destroyed. Kernel lock held.
  virtual void detach(memory::AddressSpace &space) = 0;
  [[nodiscard]] virtual CpuCounters counters() const = 0;
};

/// One vCPU. run() is called by its own host thread only; request_exit() by any.
class Vcpu {
public:
  /// Installs what the calling host thread needs (GS base, alternate signal stack).
  static std::unique_ptr<Vcpu> create(Machine &machine, u32 index);
  virtual ~Vcpu() = default;

  /// Runs `state` in `space` until the kernel is needed. Called without the kernel lock, returns
  /// without it. `state` is exact at return. The space must be attached.
  virtual Exit run(CpuState &state, memory::AddressSpace &space) = 0;

  /// Makes run() return soon with ExitReason::preempted (at once if it isn't running: the next
  /// run() returns before the first instruction). Any thread, any time; async-signal-safe.
  virtual void request_exit() = 0;

  /// Drops all translations that it caches for `space`; called when the vCPU stops using it.
  virtual void forget(memory::AddressSpace &space) = 0;
};

/// Leaves of CPUID as the box sees them: what the translator supports, and no more.
struct CpuidResult {
  u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
};
[[nodiscard]] CpuidResult guest_cpuid(u32 leaf, u32 subleaf);
/// Bits of AT_HWCAP (CPUID.1:EDX) and AT_HWCAP2 (bit 1: FSGSBASE).
[[nodiscard]] u64 guest_hwcap();
[[nodiscard]] u64 guest_hwcap2();

} // namespace tine::cpu
