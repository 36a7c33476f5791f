// What a thread knows of its tracer, and a process of its tracees: ptrace(2). Plain data: a copy of
// a box has the same tracers, tracees and stops.
#pragma once

#include "base/archive.hpp"
#include "base/types.hpp"

#include <array>
#include <csignal>
#include <optional>

namespace tine::process {

/// What a stopped tracee goes on with when its tracer lets it.
enum class AfterStop : u8 {
  nothing,
  make_call,        ///< syscall-enter-stop: the handler is called
  end_call,         ///< event stop within a call that has its result
  retry_call,       ///< event stop within a call that sleeps
  take_signals,     ///< syscall-exit-stop, group stop, PTRACE_EVENT_STOP
  inject_signal,    ///< signal-delivery-stop: acts on the signal that the tracer left
  end_thread,       ///< PTRACE_EVENT_EXIT
  make_traced_call, ///< PTRACE_EVENT_SECCOMP: the handler is called, if the filters let it
};

/// Of a traced thread, from the attach to its return to guest code after the detach.
/// Invariant: `after` isn't `nothing` exactly while the thread is in a ptrace-stop or on its way
/// back from one.
struct TraceState {
  Pid tracer; ///< a thread; none: detached, but what a stop interrupted isn't over yet
  bool seized = false;
  u32 options = 0; ///< PTRACE_O_*

  // ---- the stop ----
  bool stopped = false;
  bool listening = false; ///< PTRACE_LISTEN: stopped, but not for ptrace and wait
  int wait_code = 0;      ///< what wait4 reports above 0x7f; 0: it has
  std::optional<siginfo_t> info;
  u64 message = 0; ///< PTRACE_GETEVENTMSG
  AfterStop after = AfterStop::nothing;
  int resume_signal = 0; ///< the data of PTRACE_CONT and the like
  i64 call_result = 0;
  bool call_has_result = false;
  int exit_status = 0;

  // ---- how it goes on ----
  bool report_calls = false;     ///< PTRACE_SYSCALL, PTRACE_SYSEMU
  bool emulate_calls = false;    ///< PTRACE_SYSEMU
  bool step = false;             ///< PTRACE_SINGLESTEP
  bool forced_trap_flag = false; ///< TF in rflags is the tracer's, not the program's

  // ---- what it must report next ----
  bool group_stop_pending = false; ///< its process stops: JOBCTL_STOP_PENDING
  bool trap_pending = false;       ///< PTRACE_INTERRUPT, attach: JOBCTL_TRAP_STOP
  bool notify_pending = false;     ///< job control changed: JOBCTL_TRAP_NOTIFY
  int pending_event = 0;           ///< PTRACE_EVENT_* of the call under way
  u64 pending_message = 0;

  /// Linux's restart_block: the call that restart_syscall(2) goes on with, until when.
  i64 restart_number = -1;
  std::optional<Nanoseconds> restart_deadline;

  /// u_debugreg: 0 to 3 addresses, 6 status, 7 control.
  std::array<u64, 8> debug_registers{};

  void archive(Archive &archive);
  [[nodiscard]] bool job_control_pending() const {
    return group_stop_pending || trap_pending || notify_pending;
  }
  [[nodiscard]] bool has_option(u32 option) const { return (options & option) != 0; }
};

/// One thread that a thread of the process traces, until its end was waited for.
struct Tracee {
  Pid tid, tracer, process;
  bool dead = false; ///< a thread that is not its process's last: a zombie for the tracer alone
  int exit_status = 0;
  u32 uid = 0;
  void archive(Archive &archive) { archive(tid, tracer, process, dead, exit_status, uid); }
};

} // namespace tine::process
