// Stops of traced threads, from the thread's side, and how signals reach it.
#include "process/kernel.hpp"
#include "process/ptrace.hpp"

#include <linux/ptrace.h>

namespace tine::process {
namespace {

/// include/linux/errno.h: what rax holds until it is known whether a handler runs.
constexpr i64 restart_always = -512, restart_no_interrupt = -513, restart_no_handler = -514,
              restart_block = -516;
constexpr u64 restart_syscall_number = 219;

/// "The tracer is notified" as a parent is of a stopped child: SIGCHLD unless it doesn't want it.
void notify_tracer(const Thread &thread, int code, int status) {
  const Thread *tracer = tracer_of(thread);
  if (tracer == nullptr)
    return;
  Process &process = *tracer->process;
  const SignalAction &action = (*tracer->handlers)[SIGCHLD];
  if (action.handler != 1 && (action.flags & SA_NOCLDSTOP) == 0) {
    siginfo_t info{};
    info.si_signo = SIGCHLD;
    info.si_code = code;
    info.si_pid = thread.tid.value;
    info.si_uid = thread.credentials.uid;
    info.si_status = status & 0x7f;
    send_signal(process, info);
  }
  process.child_changed.wake_all();
}

/// do_jobctl_trap: a group stop, or PTRACE_EVENT_STOP of a seized thread.
void enter_job_control_stop(Thread &thread) {
  TraceState &trace = *thread.trace;
  const Process &process = *thread.process;
  const bool group_stop = process.stopped;
  trace.group_stop_pending = trace.trap_pending = false;
  if (!trace.seized) {
    enter_stop(thread, group_stop ? process.stop_signal : SIGSTOP, AfterStop::take_signals, {});
    return;
  }
  trace.notify_pending = false;
  const int signal = group_stop ? process.stop_signal : SIGTRAP;
  siginfo_t info = user_signal(signal, signal | PTRACE_EVENT_STOP << 8, thread);
  enter_stop(thread, info.si_code, AfterStop::take_signals, info);
}

/// handle_signal: what rax says becomes of the call that the handler interrupts.
void end_interrupted_call(Thread &thread, const SignalAction &action) {
  if (thread.syscall_number < 0)
    return;
  const auto value = static_cast<i64>(thread.cpu.gpr[cpu::rax]);
  const bool again = value == restart_no_interrupt ||
                     (value == restart_always && (action.flags & SA_RESTART) != 0);
  if (again) {
    thread.cpu.gpr[cpu::rax] = static_cast<u64>(thread.syscall_number);
    thread.cpu.rip -= 2; // the length of `syscall`
  } else if (value == restart_always || value == restart_no_handler || value == restart_block) {
    thread.cpu.gpr[cpu::rax] = static_cast<u64>(-i64{EINTR});
    thread.trace->restart_number = -1;
  }
}

/// Handlers start without the tracer's TF; a tracer that steps stops at their first instruction.
Delivery act_on_signal(Thread &thread, const siginfo_t &info) {
  const SignalAction action = (*thread.handlers)[info.si_signo];
  const bool catches = action.handler > 1;
  const DefaultAction otherwise = default_action(info.si_signo);
  const bool kills = action.handler == 0 &&
                     (otherwise == DefaultAction::terminate || otherwise == DefaultAction::core);
  if (kills && is_traced(thread) && thread.trace->has_option(PTRACE_O_TRACEEXIT)) {
    exit_process(*thread.process, killed_status(info.si_signo, false));
    return Delivery::none; // the exit stop is next
  }
  if (catches) {
    end_interrupted_call(thread, action);
    if (thread.trace->forced_trap_flag)
      thread.cpu.rflags &= ~cpu::trap_flag;
    thread.trace->forced_trap_flag = false;
  }
  const Delivery delivery = take_action(thread, info);
  if (delivery != Delivery::handler || !thread.trace->step || !is_traced(thread))
    return delivery;
  thread.cpu.rflags |= cpu::trap_flag;
  thread.trace->forced_trap_flag = true;
  enter_trap_stop(thread, SIGTRAP, 0, AfterStop::take_signals);
  return Delivery::stopped;
}

/// The next thing to do; none if the thread may return to guest code.
Delivery next_delivery(Thread &thread, bool &found) {
  TraceState &trace = *thread.trace;
  found = true;
  if (thread.must_exit) {
    const int status = thread.process->exit_status;
    if (stops_before_exit(thread, status))
      return Delivery::stopped;
    exit_thread(thread, status);
    return Delivery::exited;
  }
  if (is_traced(thread) && trace.job_control_pending()) {
    enter_job_control_stop(thread);
    return Delivery::stopped;
  }
  if (!is_traced(thread) && thread.process->stopped) {
    trace.after = AfterStop::take_signals;
    return Delivery::stopped;
  }
  siginfo_t info{};
  if (!take_signal(thread, ~thread.signal_mask, info)) {
    found = false;
    return Delivery::none;
  }
  if (!is_traced(thread))
    return act_on_signal(thread, info);
  enter_stop(thread, info.si_signo, AfterStop::inject_signal, info);
  return Delivery::stopped;
}

} // namespace

void enter_stop(Thread &thread, int code, AfterStop after, const std::optional<siginfo_t> &info) {
  TraceState &trace = *thread.trace;
  trace.stopped = true;
  trace.listening = false;
  trace.trap_pending = false;
  trace.wait_code = code;
  trace.info = info;
  trace.after = after;
  trace.resume_signal = 0;
  const bool is_group_stop = !info || info->si_code >> 8 == PTRACE_EVENT_STOP;
  notify_tracer(thread, is_group_stop ? CLD_STOPPED : CLD_TRAPPED, code);
}

void enter_trap_stop(Thread &thread, int code, u64 message, AfterStop after) {
  thread.trace->message = message;
  enter_stop(thread, code, after, user_signal(SIGTRAP, code, thread));
}

bool stops_before_exit(Thread &thread, int status) {
  if (!is_traced(thread) || !thread.trace->has_option(PTRACE_O_TRACEEXIT))
    return false;
  thread.trace->options &= ~u32{PTRACE_O_TRACEEXIT}; // once
  thread.trace->exit_status = status;
  enter_trap_stop(thread, SIGTRAP | PTRACE_EVENT_EXIT << 8, static_cast<u64>(status),
                  AfterStop::end_thread);
  return true;
}

Delivery deliver_traced_signals(Thread &thread) {
  bool handled = false, found = true;
  while (true) {
    const Delivery delivery = next_delivery(thread, found);
    if (!found)
      return handled ? Delivery::handler : Delivery::none;
    if (delivery == Delivery::stopped || delivery == Delivery::exited)
      return delivery;
    handled = handled || delivery == Delivery::handler;
  }
}

Delivery inject_signal(Thread &thread) {
  TraceState &trace = *thread.trace;
  const int signal = trace.resume_signal;
  if (signal == 0)
    return Delivery::none;
  siginfo_t info = *trace.info;
  // "If the tracer wants to inject another signal, the siginfo is rewritten to say that it sent
  // it."
  if (info.si_signo != signal) {
    info = {};
    info.si_signo = signal;
    info.si_code = SI_USER;
    if (const Thread *tracer = tracer_of(thread)) {
      info.si_pid = tracer->process->pid.value;
      info.si_uid = tracer->credentials.uid;
    }
  }
  if (thread.signal_mask.contains(signal)) {
    send_signal(thread, info);
    return Delivery::none;
  }
  return act_on_signal(thread, info);
}

void restart_interrupted_call(Thread &thread) {
  if (thread.syscall_number < 0)
    return;
  const auto value = static_cast<i64>(thread.cpu.gpr[cpu::rax]);
  if (value == restart_always || value == restart_no_interrupt || value == restart_no_handler)
    thread.cpu.gpr[cpu::rax] = static_cast<u64>(thread.syscall_number);
  else if (value == restart_block)
    thread.cpu.gpr[cpu::rax] = restart_syscall_number;
  else
    return;
  thread.cpu.rip -= 2;
}

} // namespace tine::process
