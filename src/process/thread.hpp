// A thread: Linux's task_struct.
#pragma once

#include "base/ref.hpp"
#include "cpu/cpu_state.hpp"
#include "fs/credentials.hpp"
#include "fs/fd_table.hpp"
#include "fs/namespace.hpp"
#include "memory/address_space.hpp"
#include "process/futex.hpp"
#include "process/ptrace_state.hpp"
#include "process/seccomp.hpp"
#include "process/signal_types.hpp"
#include "sched/scheduler.hpp"
#include "time/timer_queue.hpp"

#include <memory>
#include <optional>
#include <string>

namespace tine::process {

class Kernel;
class Namespaces;
class Process;
class SemaphoreUndo;

/// What a system call keeps between its tries, while it blocks. Reset when the call returns.
/// Plain data: a copy of a blocked thread goes on where it was.
struct SyscallState {
  bool retrying = false; ///< this is not the first try
  std::optional<Nanoseconds>
      deadline;           ///< absolute, host monotonic; also armed on the thread's timer
  bool timed_out = false; ///< the deadline is over
  bool deadline_is_wall_clock = false; ///< it was given as a time of the wall clock
  u64 progress = 0;                    ///< bytes already transferred, or what the call needs
  bool woken = false;                  ///< futex and the like: taken off the queue by a waker
  u64 scratch[4] = {};                 ///< for the handler alone
  std::optional<SignalSet> saved_mask; ///< of sigsuspend, pselect, ppoll, epoll_pwait
  void archive(Archive &archive);
};

/// Owned by its process's list, and by whoever runs it. The references are what clone's flags
/// share. Guarded by the kernel lock, except `cpu` while the thread is on a vCPU.
class Thread final : public RefCounted, public sched::Schedulable {
public:
  Thread(Kernel &kernel_, Pid tid_);
  ~Thread() override;

  Kernel &kernel;
  Pid tid;                    ///< changes once at most: execve gives its caller the process's pid
  Process *process = nullptr; ///< outlives its threads
  /// exit_group, a fatal signal or another thread's execve ends this thread: it makes no further
  /// system call and enters no guest code; deliver_signals ends it.
  bool must_exit = false;

  // ---- shared or copied by clone ----
  cpu::CpuState cpu;
  Ref<memory::AddressSpace> memory;  ///< CLONE_VM
  Ref<fs::FdTable> files;            ///< CLONE_FILES
  Ref<fs::FileSystemContext> fs;     ///< CLONE_FS
  Ref<SignalHandlers> handlers;      ///< CLONE_SIGHAND
  Ref<SemaphoreUndo> semaphore_undo; ///< CLONE_SYSVSEM; null until SEM_UNDO is used
  fs::Credentials credentials;
  std::string name; ///< PR_SET_NAME, at most 15 bytes

  // ---- signals ----
  SignalSet signal_mask;
  PendingSignals pending;
  struct AlternateStack {
    u64 address = 0;
    u64 size = 0;
    u32 flags = 2; ///< SS_DISABLE
  } alternate_stack;
  SignalSet waited_signals; ///< of sigtimedwait: they wake although they are blocked
  /// The last fault, for the sigcontext of later frames (err, trapno, cr2).
  struct LastFault {
    u64 error_code = 0, trap_number = 0, address = 0;
  } last_fault;

  // ---- thread library ----
  GuestAddress clear_child_tid;
  GuestAddress set_child_tid; ///< CLONE_CHILD_SETTID: stored by the child before its first step
  GuestAddress robust_list;
  GuestAddress rseq;
  u32 rseq_signature = 0;
  u32 rseq_size = 0;
  i32 rseq_cpu = -1; ///< the vCPU that the area shows; -1: it must be written

  // ---- scheduling ----
  u64 timer_slack = 50'000, default_timer_slack = 50'000; ///< ns
  Nanoseconds user_time = 0, system_time = 0;
  u64 voluntary_switches = 0, involuntary_switches = 0; ///< getrusage(2), of RUSAGE_THREAD
  Nanoseconds on_cpu_since = 0; ///< host monotonic; 0: not on a vCPU, or nobody counts
  bool no_new_privileges = false;
  u8 seccomp_mode = 0;               ///< SECCOMP_MODE_*: strict allows read, write, exit, sigreturn
  bool is_io_flusher = false;        ///< PR_SET_IO_FLUSHER
  u8 memory_failure_policy = 2;      ///< PR_MCE_KILL_DEFAULT
  u32 secure_bits = 0;               ///< PR_SET_SECUREBITS; execve takes SECBIT_KEEP_CAPS away
  Ref<SeccompFilter> seccomp_filter; ///< null but in SECCOMP_MODE_FILTER

  // ---- system calls ----
  SyscallState syscall_state;
  i64 syscall_number = -1; ///< orig_rax; -1 outside of a system call
  time::Timer timeout;     ///< wakes the thread at syscall_state.deadline
  /// vfork: the parent that sleeps until this thread execs or exits.
  Ref<Thread> vfork_parent;
  FutexWaiter futex_waiter;
  /// Null: nobody traces it. process/ptrace.hpp.
  std::unique_ptr<TraceState> trace;
  /// CLONE_NEW*; null: those that the box began with. process/namespaces.hpp.
  Ref<Namespaces> namespaces;

  /// The thread in the copy of a box, on no queue.
  [[nodiscard]] Result<Ref<Thread>> copy(Copier &copier);

  void woken(sched::WaitQueue &queue) override;
  /// Makes a blocked thread try its system call again.
  void wake();
  /// Whether deliver_signals has something to do: a signal that isn't blocked, a stop, an exit.
  [[nodiscard]] bool has_deliverable_signal() const;
  /// Makes the thread look at its signals soon, wherever it is.
  void notify();
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, Thread *saved);
  void archive_body(Archive &archive);
};

} // namespace tine::process
