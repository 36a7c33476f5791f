// A thread: Linux's task_struct.
#pragma once

#include "base/ref.hpp"
#include "cpu/cpu_state.hpp"
#include "fs/credentials.hpp"
#include "fs/fd_table.hpp"
#include "fs/namespace.hpp"
#include "memory/address_space.hpp"
#include "process/signal_types.hpp"
#include "sched/scheduler.hpp"
#include "time/timer_queue.hpp"

#include <memory>
#include <optional>
#include <string>

namespace tine::process {

class Kernel;
class Process;

/// What a system call keeps between its tries, while it blocks. Reset when the call returns.
/// Plain data: a copy of a blocked thread goes on where it was.
struct SyscallState {
  bool retrying = false;                  ///< this is not the first try
  std::optional<Nanoseconds> deadline;    ///< absolute, host monotonic; also armed on the thread's timer
  bool timed_out = false;                 ///< the deadline is over
  u64 progress = 0;                       ///< bytes already transferred, or what the call needs
  bool woken = false;                     ///< futex and the like: taken off the queue by a waker
  u64 scratch[4] = {};                    ///< for the handler alone
  std::optional<SignalSet> saved_mask;    ///< of sigsuspend, pselect, ppoll, epoll_pwait
};

/// Owned by its process's list, and by whoever runs it. The references are what clone's flags share.
/// Guarded by the kernel lock, except `cpu` while the thread is on a vCPU.
class Thread final : public RefCounted, public sched::Schedulable {
public:
  Thread(Kernel &kernel_, Pid tid_);
  ~Thread() override;

  Kernel &kernel;
  const Pid tid;
  Process *process = nullptr; ///< outlives its threads

  // ---- shared or copied by clone ----
  cpu::CpuState cpu;
  Ref<memory::AddressSpace> memory;       ///< CLONE_VM
  Ref<fs::FdTable> files;                 ///< CLONE_FILES
  Ref<fs::FileSystemContext> fs;          ///< CLONE_FS
  Ref<SignalHandlers> handlers;           ///< CLONE_SIGHAND
  fs::Credentials credentials;
  std::string name;                       ///< PR_SET_NAME, at most 15 bytes

  // ---- signals ----
  SignalSet signal_mask;
  PendingSignals pending;
  struct AlternateStack {
    u64 address = 0;
    u64 size = 0;
    u32 flags = 2; ///< SS_DISABLE
  } alternate_stack;

  // ---- thread library ----
  GuestAddress clear_child_tid;
  GuestAddress robust_list;
  GuestAddress rseq;
  u32 rseq_signature = 0;

  // ---- system calls ----
  SyscallState syscall_state;
  i64 syscall_number = -1;                ///< orig_rax; -1 outside of a system call
  time::Timer timeout;                    ///< wakes the thread at syscall_state.deadline
  /// vfork: the parent that sleeps until this thread execs or exits.
  Ref<Thread> vfork_parent;

  void woken(sched::WaitQueue &queue) override;
  /// Makes a blocked thread try its system call again.
  void wake();
  [[nodiscard]] bool has_deliverable_signal() const;
};

} // namespace tine::process
