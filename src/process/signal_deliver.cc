// Delivering signals: before a thread returns to guest code, and when a blocked call is
// interrupted.
#include "process/signals.hpp"

#include "process/core_dump.hpp"
#include "process/kernel.hpp"
#include "process/lifecycle.hpp"
#include "process/rseq.hpp"
#include "process/timers.hpp"
#include "process/tracer.hpp"

namespace tine::process {
namespace {

/// Values of syscall::Interrupt, which this layer can't include.
constexpr u8 rule_restart = 0;

/// What happens to the interrupted call when a handler runs: signal(7), "Interruption of system
/// calls and library functions by signal handlers".
void end_interrupted_call(Thread &thread, const InterruptedCall &call, const SignalAction &action) {
  thread.kernel.futexes->remove(thread);
  if (call.rule == rule_restart && (action.flags & SA_RESTART) != 0) {
    thread.cpu.rip -= 2; // the length of `syscall`
    thread.cpu.gpr[cpu::rax] = static_cast<u64>(call.number);
  } else {
    thread.cpu.gpr[cpu::rax] = static_cast<u64>(call.result);
  }
}

/// Makes the registers enter the handler. If the stack can't take the frame, SIGSEGV follows.
void run_handler(Thread &thread, const siginfo_t &info) {
  const int signal = info.si_signo;
  const SignalAction action = (*thread.handlers)[signal];
  resume_rseq(thread); // the frame keeps the address that the handler returns to
  const SignalSet old_mask = thread.syscall_state.saved_mask.value_or(thread.signal_mask);
  if (!enter_handler(thread, action, info, old_mask).ok()) {
    // Linux's force_sigsegv: a SIGSEGV whose own frame doesn't fit kills.
    if (signal == SIGSEGV)
      thread.handlers->writable(signal).handler = 0;
    force_signal(thread, kernel_signal(SIGSEGV));
    return;
  }
  if ((action.flags & SA_RESETHAND) != 0)
    thread.handlers->writable(signal).handler = 0;
  thread.signal_mask = thread.signal_mask | action.mask;
  if ((action.flags & SA_NODEFER) == 0)
    thread.signal_mask.add(signal);
  thread.signal_mask = thread.signal_mask & ~unblockable_signals;
  thread.syscall_state.saved_mask.reset();
}

/// A stop signal's default action; POSIX: "a process that is a member of an orphaned process group
/// shall not be allowed to stop in response to SIGTSTP, SIGTTIN or SIGTTOU".
void stop(Process &process, int signal) {
  if (signal == SIGSTOP || !is_orphaned_group(process.kernel, process.group))
    stop_process(process, signal);
}

} // namespace

bool take_signal(Thread &thread, SignalSet allowed, siginfo_t &info) {
  Process &process = *thread.process;
  if (!thread.pending.take(allowed, info) && !process.pending.take(allowed, info))
    return false;
  if (info.si_code == SI_TIMER && process.timers)
    process.timers->delivered(info);
  return true;
}

Delivery take_action(Thread &thread, const siginfo_t &info) {
  const u64 handler = (*thread.handlers)[info.si_signo].handler;
  if (handler == 1)
    return Delivery::none;
  if (SystemCallTracer *tracer = thread.kernel.tracer.get())
    tracer->signalled(thread, info);
  if (handler != 0) {
    run_handler(thread, info);
    return Delivery::handler;
  }
  // "Container-init gets no signals it doesn't want", but those that were let through.
  if (thread.process->is_unkillable && !unblockable_signals.contains(info.si_signo))
    return Delivery::none;
  switch (default_action(info.si_signo)) {
  case DefaultAction::ignore:
  case DefaultAction::cont:
    break;
  case DefaultAction::stop:
    stop(*thread.process, info.si_signo);
    break;
  case DefaultAction::terminate:
  case DefaultAction::core: {
    const bool has_core = default_action(info.si_signo) == DefaultAction::core &&
                          !thread.process->exiting && dump_core(thread, info);
    exit_current_process(thread, killed_status(info.si_signo, has_core));
    return Delivery::exited;
  }
  }
  return Delivery::none;
}

Delivery deliver_signals(Thread &thread, const InterruptedCall &interrupted) {
  Process &process = *thread.process;
  bool handled = false;
  siginfo_t info{};
  while (true) {
    if (thread.must_exit) {
      exit_thread(thread, process.exit_status);
      return Delivery::exited;
    }
    if (process.stopped) {
      if (!handled)
        return Delivery::stopped;
      // The handler is entered first; the stop comes at the thread's next step in the kernel: now.
      thread.kernel.host.scheduler.kick(thread);
      return Delivery::handler;
    }
    if (!take_signal(thread, ~thread.signal_mask, info))
      return handled ? Delivery::handler : Delivery::none;
    const SignalAction action = (*thread.handlers)[info.si_signo];
    if (action.handler > 1 && !handled && interrupted.number >= 0)
      end_interrupted_call(thread, interrupted, action);
    const Delivery delivery = take_action(thread, info);
    if (delivery == Delivery::exited)
      return delivery;
    handled = handled || delivery == Delivery::handler;
  }
}

} // namespace tine::process
