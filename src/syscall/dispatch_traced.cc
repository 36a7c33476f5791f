#include "syscall/dispatch_traced.hpp"

#include "process/ptrace.hpp"
#include "process/tracer.hpp"

#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <utility>

namespace tine::syscall {
namespace {

using process::AfterStop;
using process::Delivery;
using process::Thread;
using process::TraceState;

constexpr i64 restart_always = -512, restart_no_handler = -514, restart_block = -516;

bool is_restart(i64 value) {
  return value <= restart_always && value >= restart_block;
}

/// The signal that a syscall stop asks for, with PTRACE_O_TRACESYSGOOD distinguishable.
int call_stop_code(const TraceState &trace) {
  return trace.has_option(PTRACE_O_TRACESYSGOOD) ? SIGTRAP | 0x80 : SIGTRAP;
}

/// Calls that Linux restarts unless a handler runs, though here they say no_restart.
i64 interrupted_value(i64 number, Interrupt rule) {
  switch (rule) {
  case Interrupt::restart:
  case Interrupt::uninterruptible:
    return restart_always;
  case Interrupt::no_handler:
    return restart_no_handler;
  case Interrupt::restart_block:
    return restart_block;
  case Interrupt::no_restart:
    break;
  }
  if (number == SYS_poll)
    return restart_block;
  if (number == SYS_select || number == SYS_pselect6 || number == SYS_ppoll)
    return restart_no_handler;
  return -EINTR;
}

/// exit and exit_group of a thread whose tracer wants to know first. False: go on.
bool stops_in_exit(Thread &thread) {
  const bool whole = thread.syscall_number == SYS_exit_group;
  if ((!whole && thread.syscall_number != SYS_exit) || !process::is_traced(thread) ||
      !thread.trace->has_option(PTRACE_O_TRACEEXIT))
    return false;
  const int status = process::exited_status(static_cast<int>(thread.cpu.gpr[cpu::rdi]));
  if (whole)
    process::exit_process(*thread.process, status);
  return process::stops_before_exit(thread, status);
}

/// `was_traced`: after the stop that a filter asked for.
Next make_traced_call(Thread &thread, bool was_traced = false) {
  TraceState &trace = *thread.trace;
  if (thread.must_exit)
    return deliver_to_traced(thread);
  // "PTRACE_SYSEMU: continue and stop on entry to the next system call, which will not be
  // executed"; a tracer that sets orig_rax to -1 skips the call too.
  if (std::exchange(trace.emulate_calls, false)) {
    trace.report_calls = false;
    return deliver_to_traced(thread);
  }
  if (thread.syscall_number == -1)
    return end_traced_call(thread, std::nullopt);
  if (thread.seccomp_filter)
    if (const std::optional<Next> next = filter_call(thread, was_traced))
      return *next;
  if (stops_in_exit(thread))
    return Next::stopped;
  const Row *row = find_row(static_cast<u64>(number_of_call(thread)));
  Call call = make_call(thread);
  if (thread.syscall_number == SYS_restart_syscall && trace.restart_number >= 0)
    thread.syscall_state.deadline = trace.restart_deadline;
  else
    trace.restart_number = -1;
  if (thread.kernel.tracer)
    thread.kernel.tracer->entered(thread, call.arguments);
  if (row == nullptr || row->handler == nullptr)
    return end_traced_call(thread, -ENOSYS);
  return call_handler(thread, *row, call);
}

/// On the way to guest code: nothing is left of the call.
Next enter_guest(Thread &thread) {
  process::restart_interrupted_call(thread);
  thread.syscall_number = -1;
  restore_mask(thread);
  TraceState &trace = *thread.trace;
  trace.after = AfterStop::nothing;
  if (trace.tracer.is_none() && trace.restart_number < 0)
    thread.trace.reset();
  return Next::guest;
}

Next after_delivery(Thread &thread, Delivery delivery) {
  switch (delivery) {
  case Delivery::stopped:
    return Next::stopped;
  case Delivery::exited:
    return Next::exited;
  case Delivery::handler:
  case Delivery::none:
    return enter_guest(thread);
  }
  return Next::guest;
}

/// The data of PTRACE_CONT after a syscall stop: "restarted with that signal".
void send_resume_signal(Thread &thread, int signal) {
  if (signal != 0)
    process::send_signal(thread, process::kernel_signal(signal));
}

/// Events and the syscall-exit-stop, then signals.
Next report_end(Thread &thread) {
  TraceState &trace = *thread.trace;
  if (!process::is_traced(thread) || thread.must_exit)
    return deliver_to_traced(thread);
  if (trace.step) {
    // user_single_step_report: the step over `syscall` ends when the call does.
    siginfo_t info{};
    info.si_signo = SIGTRAP;
    info.si_code = TRAP_BRKPT;
    info.si_addr = reinterpret_cast<void *>(thread.cpu.rip);
    process::force_signal(thread, info);
  } else if (trace.report_calls) {
    process::enter_trap_stop(thread, call_stop_code(trace), PTRACE_EVENTMSG_SYSCALL_EXIT,
                             AfterStop::take_signals);
    return Next::stopped;
  }
  return deliver_to_traced(thread);
}

} // namespace

i64 number_of_call(const Thread &thread) {
  if (thread.syscall_number == SYS_restart_syscall && thread.trace &&
      thread.trace->restart_number >= 0)
    return thread.trace->restart_number;
  return thread.syscall_number;
}

Next start_traced_call(Thread &thread) {
  TraceState &trace = *thread.trace;
  if (!process::is_traced(thread) || !trace.report_calls)
    return make_traced_call(thread);
  thread.cpu.gpr[cpu::rax] = static_cast<u64>(-i64{ENOSYS});
  process::enter_trap_stop(thread, call_stop_code(trace), PTRACE_EVENTMSG_SYSCALL_ENTRY,
                           AfterStop::make_call);
  return Next::stopped;
}

bool stop_for_event(Thread &thread, AfterStop after) {
  TraceState &trace = *thread.trace;
  const int event = std::exchange(trace.pending_event, 0);
  if (event == 0 || !process::is_traced(thread) || thread.must_exit)
    return false;
  process::enter_trap_stop(thread, SIGTRAP | event << 8, trace.pending_message, after);
  return true;
}

Next end_traced_call(Thread &thread, std::optional<i64> value) {
  TraceState &trace = *thread.trace;
  const i64 number = thread.syscall_number;
  trace.call_has_result = value.has_value();
  trace.call_result = value.value_or(0);
  if (trace.pending_event != 0 && stop_for_event(thread, AfterStop::end_call))
    return Next::stopped;
  if (value)
    thread.cpu.gpr[cpu::rax] = static_cast<u64>(*value);
  if (thread.kernel.tracer && !(value && is_restart(*value)))
    thread.kernel.tracer->returned(thread, value.value_or(0), value.has_value());
  if (value != restart_block)
    trace.restart_number = -1;
  forget_call(thread);
  // restore_sigcontext: "disable syscall checks" after sigreturn.
  thread.syscall_number = number == SYS_rt_sigreturn ? -1 : number;
  return report_end(thread);
}

Next interrupt_traced_call(Thread &thread, Interrupt rule) {
  process::SyscallState &state = thread.syscall_state;
  if (state.progress != 0 && rule != Interrupt::restart_block)
    return end_traced_call(thread, static_cast<i64>(state.progress));
  TraceState &trace = *thread.trace;
  const i64 number = trace.restart_number >= 0 ? trace.restart_number : thread.syscall_number;
  const i64 value = interrupted_value(number, rule);
  if (thread.kernel.tracer && is_restart(value))
    thread.kernel.tracer->interrupted(thread, static_cast<u8>(rule));
  thread.kernel.futexes->remove(thread);
  if (value == restart_block) {
    trace.restart_number = number;
    trace.restart_deadline = state.deadline;
  }
  return end_traced_call(thread, value);
}

Next deliver_to_traced(Thread &thread) {
  return after_delivery(thread, process::deliver_traced_signals(thread));
}

Next leave_trace_stop(Thread &thread) {
  TraceState &trace = *thread.trace;
  trace.stopped = trace.listening = false;
  trace.wait_code = 0;
  const AfterStop after = std::exchange(trace.after, AfterStop::nothing);
  if (after == AfterStop::end_thread) {
    process::exit_thread(thread, trace.exit_status);
    return Next::exited;
  }
  if (thread.must_exit)
    return deliver_to_traced(thread);
  switch (after) {
  case AfterStop::make_call:
    send_resume_signal(thread, std::exchange(trace.resume_signal, 0));
    return make_traced_call(thread);
  case AfterStop::make_traced_call:
    return make_traced_call(thread, true);
  case AfterStop::end_call:
    return end_traced_call(thread,
                           trace.call_has_result ? std::optional(trace.call_result) : std::nullopt);
  case AfterStop::retry_call:
    return retry_system_call(thread);
  case AfterStop::inject_signal: {
    const Delivery delivery = process::inject_signal(thread);
    if (delivery == Delivery::stopped || delivery == Delivery::exited)
      return after_delivery(thread, delivery);
    break;
  }
  case AfterStop::take_signals:
    // Only a syscall stop's data is a signal to send: a group stop's is ignored.
    if (trace.info && trace.info->si_code >> 8 == 0)
      send_resume_signal(thread, std::exchange(trace.resume_signal, 0));
    break;
  case AfterStop::nothing:
  case AfterStop::end_thread:
    break;
  }
  return deliver_to_traced(thread);
}

} // namespace tine::syscall
