// ptrace(2): attaching, stops and what lets a tracee go on. The ABI is decoded in
// syscall/ptrace.cc.
#pragma once

#include "cpu/data_accesses.hpp"
#include "process/lifecycle.hpp"
#include "process/signals.hpp"

namespace tine::process {

[[nodiscard]] bool is_traced(const Thread &thread);
/// The thread that traces it; null: none.
[[nodiscard]] Thread *tracer_of(const Thread &thread);
/// Whether a thread of `process` traces the leader of `child`.
[[nodiscard]] bool traces_leader(const Process &process, const Process &child);

/// PTRACE_MODE_ATTACH_REALCREDS of ptrace(2), "Ptrace access mode checking": EPERM.
[[nodiscard]] Status check_ptrace_access(const Thread &caller, const Thread &target);

// ---- requests of the tracer ----
/// EPERM.
[[nodiscard]] Status trace_me(Thread &thread);
/// PTRACE_ATTACH, or PTRACE_SEIZE with its options. EPERM, ESRCH.
[[nodiscard]] Status attach(Thread &tracer, Thread &tracee);
[[nodiscard]] Status seize(Thread &tracer, Thread &tracee, u32 options);
/// "The tracee isn't traced by the caller, or isn't stopped": ESRCH.
[[nodiscard]] Result<Thread *> stopped_tracee(const Thread &tracer, Pid tid);

enum class ResumeKind : u8 { run, to_next_call, emulate_calls, step, emulate_calls_and_step };
/// Lets a stopped tracee go on; `signal` is what its stop asked for.
void resume(Thread &tracee, ResumeKind kind, int signal);
void detach(Thread &tracee, int signal);
/// PTRACE_INTERRUPT: a running tracee stops soon.
void interrupt(Thread &tracee);
/// PTRACE_LISTEN: EIO if it isn't in a PTRACE_EVENT_STOP.
[[nodiscard]] Status listen(Thread &tracee);

// ---- stops: the thread is on its vCPU and must leave it afterwards ----
/// Any stop: `code` is what wait4 reports above 0x7f.
void enter_stop(Thread &thread, int code, AfterStop after, const std::optional<siginfo_t> &info);
/// SIGTRAP with this si_code: syscall stops and events.
void enter_trap_stop(Thread &thread, int code, u64 message, AfterStop after);
/// Stops with PTRACE_EVENT_EXIT if the tracer asked for it and it hasn't been reported.
[[nodiscard]] bool stops_before_exit(Thread &thread, int status);
/// deliver_signals for a thread with a trace state: stops for its tracer before it acts on a
/// signal. The interrupted call is in orig_rax and rax, as on Linux.
[[nodiscard]] Delivery deliver_traced_signals(Thread &thread);
/// After a signal-delivery-stop: acts on what the tracer left of the signal.
[[nodiscard]] Delivery inject_signal(Thread &thread);
/// The thread returns to guest code, no handler: a call that ended with one of Linux's restart
/// codes is made again.
void restart_interrupted_call(Thread &thread);

// ---- what happens to tracees ----
/// The process stops: its traced threads report a group stop.
void request_group_stop(Thread &thread);
/// SIGCONT: seized threads report that the stop is over.
void notify_group_continue(Thread &thread);
/// SIGKILL of a process that exits: its threads leave their PTRACE_EVENT_EXIT stops.
void kill_stopped_threads(Process &process);
/// In clone: attaches the child if the options say so, and leaves the event for the end of the
/// call.
void trace_clone(Thread &parent, Thread &child, u64 flags, int exit_signal);
void trace_vfork_done(Thread &parent, Pid child);
void trace_exec(Thread &thread, Pid old_tid);
/// execve gave the thread the process's pid.
void trace_new_tid(Thread &thread, Pid old_tid);
/// The thread dies: its tracees are free, its tracer is told.
void trace_exit(Thread &thread, int status);
/// A zombie whose leader was traced: only the tracer is told. False: nobody traces it.
[[nodiscard]] bool tell_tracer_of_exit(Process &zombie);
/// A tracee of the process that changed; none of them: `pid` is none. `any` is set if one matches.
[[nodiscard]] WaitedChild wait_for_tracee(Process &tracer, const WaitRequest &request, bool &any);

// ---- debug registers: ptrace_debug.cc ----
/// Whether DR7 enables any: then the thread runs one instruction at a time.
[[nodiscard]] bool has_breakpoints(const Thread &thread);
/// A step that ends without a breakpoint is seen in DR6.
void show_step(Thread &thread, const cpu::Exit &exit);
/// One instruction of a thread with breakpoints. Kernel lock held.
class WatchedStep {
public:
  explicit WatchedStep(Thread &thread) : thread_(thread) {}
  /// A breakpoint of execution is hit: that, instead of running. Else the thread is set to step.
  [[nodiscard]] std::optional<cpu::Exit> start();
  /// What the run's exit means: a step that hit nothing is no event.
  [[nodiscard]] cpu::Exit finish(const cpu::Exit &exit);

private:
  Thread &thread_;
  std::vector<cpu::DataAccess> accesses_;
  bool own_trap_flag_ = false; ///< nobody else has asked for the step
};

// ---- registers, as the tracer sees them: ptrace_registers.cc ----
inline constexpr u64 user_regs_size = 27 * sizeof(u64);
using UserRegs = std::array<u64, 27>;
[[nodiscard]] UserRegs read_user_regs(const Thread &thread);
/// EIO for a value that Linux refuses; registers before it are changed.
[[nodiscard]] Status write_user_regs(Thread &thread, std::span<const u64> values);
/// PTRACE_PEEKUSER, PTRACE_POKEUSER: EIO.
[[nodiscard]] Result<u64> peek_user(const Thread &thread, u64 offset);
[[nodiscard]] Status poke_user(Thread &thread, u64 offset, u64 value);
/// u_debugreg: DR0 to DR7. EINVAL, EIO.
[[nodiscard]] u64 read_debug_register(const Thread &thread, u64 index);
[[nodiscard]] Status write_debug_register(Thread &thread, u64 index, u64 value);
/// FXSAVE's 512 bytes and the whole XSAVE area.
[[nodiscard]] std::vector<std::byte> read_extended_state(const Thread &thread);
[[nodiscard]] Status write_extended_state(Thread &thread, std::span<const std::byte> area);
[[nodiscard]] Status write_fp_registers(Thread &thread, std::span<const std::byte> area);

} // namespace tine::process
