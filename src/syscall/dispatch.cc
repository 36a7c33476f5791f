#include "syscall/dispatch.hpp"

#include "process/lifecycle.hpp"
#include "process/signals.hpp"
#include "process/tracer.hpp"
#include "syscall/dispatch_traced.hpp"
#include "syscall/identifiers.hpp"
#include "syscall/table.hpp"
#include "syscall/thread_caller.hpp"

#include <linux/seccomp.h>
#include <sys/syscall.h>

namespace tine::syscall {
namespace {

using process::Delivery;
using process::Thread;

Next next_after(Delivery delivery) {
  switch (delivery) {
  case Delivery::none:
  case Delivery::handler:
    return Next::guest;
  case Delivery::stopped:
    return Next::stopped;
  case Delivery::exited:
    return Next::exited;
  }
  return Next::guest;
}

} // namespace

/// The call is over; the temporary signal mask stays only until a handler's frame has saved the old
/// one.
void forget_call(Thread &thread) {
  if (thread.syscall_state.retrying)
    thread.leave_all();
  if (thread.timeout.deadline())
    thread.timeout.disarm();
  std::optional<process::SignalSet> saved_mask = thread.syscall_state.saved_mask;
  thread.syscall_state = {};
  thread.syscall_state.saved_mask = saved_mask;
  thread.syscall_number = -1;
}

/// Gives back the mask that sigsuspend, ppoll and the like replaced, if no handler's frame did.
void restore_mask(Thread &thread) {
  if (auto &saved = thread.syscall_state.saved_mask) {
    thread.signal_mask = *saved;
    saved.reset();
  }
}

Call make_call(Thread &thread) {
  const auto &gpr = thread.cpu.gpr;
  return Call{
      thread,
      *thread.process,
      thread.kernel,
      *thread.memory,
      {gpr[cpu::rdi], gpr[cpu::rsi], gpr[cpu::rdx], gpr[cpu::r10], gpr[cpu::r8], gpr[cpu::r9]}};
}

Next complete_call(Thread &thread, i64 value) {
  if (thread.trace)
    return end_traced_call(thread, value);
  thread.cpu.gpr[cpu::rax] = static_cast<u64>(value);
  if (thread.kernel.tracer)
    thread.kernel.tracer->returned(thread, value, true);
  forget_call(thread);
  return deliver_pending_signals(thread);
}

namespace {

/// The handler would block. With a signal at hand the call ends here, by the rule that the handler
/// gave; bytes that were already transferred win over EINTR.
Next block_or_interrupt(Thread &thread, Interrupt rule) {
  if (rule == Interrupt::uninterruptible || !thread.has_deliverable_signal()) {
    thread.syscall_state.retrying = true;
    if (thread.trace && stop_for_event(thread, process::AfterStop::retry_call))
      return Next::stopped;
    if (thread.kernel.tracer)
      thread.kernel.tracer->blocked(thread);
    return Next::blocked;
  }
  if (thread.trace)
    return interrupt_traced_call(thread, rule);
  if (thread.syscall_state.progress != 0 && rule != Interrupt::restart_block)
    return complete_call(thread, static_cast<i64>(thread.syscall_state.progress));
  const process::InterruptedCall call{thread.syscall_number, -EINTR, static_cast<u8>(rule)};
  process::SystemCallTracer *tracer = thread.kernel.tracer.get();
  if (tracer != nullptr)
    tracer->interrupted(thread, static_cast<u8>(rule));
  switch (const Delivery delivery = process::deliver_signals(thread, call)) {
  case Delivery::none:    // a signal without effect: the call goes on sleeping
  case Delivery::stopped: // tried again when the thread is continued
    thread.syscall_state.retrying = true;
    if (tracer != nullptr)
      tracer->entered(thread, make_call(thread).arguments);
    return delivery == Delivery::none ? Next::blocked : Next::stopped;
  case Delivery::handler:
    forget_call(thread);
    thread.syscall_state.saved_mask.reset();
    return Next::guest;
  case Delivery::exited:
    return next_after(delivery);
  }
  return Next::blocked;
}

} // namespace

Next call_handler(Thread &thread, const Row &row, Call &call) {
  if (has_own_identifiers(thread))
    if (const Status translated = translate_arguments(thread, row, call); !translated.ok())
      return complete_call(thread, -static_cast<i64>(translated.error()));
  ThreadCaller caller(thread);
  const fs::CallerScope scope(caller);
  const SyscallResult result = row.handler(call);
  switch (result.kind()) {
  case SyscallResult::Kind::value:
    if (result.is_pid())
      return complete_call(thread,
                           process::shown_pid(thread, Pid{static_cast<i32>(result.value())}).value);
    return complete_call(thread, result.value());
  case SyscallResult::Kind::blocked:
    return block_or_interrupt(thread, result.interrupt());
  case SyscallResult::Kind::no_value:
    if (thread.trace)
      return end_traced_call(thread, std::nullopt);
    if (thread.kernel.tracer)
      thread.kernel.tracer->returned(thread, 0, false);
    forget_call(thread);
    return deliver_pending_signals(thread);
  case SyscallResult::Kind::thread_exited:
    return Next::exited;
  }
  return Next::guest;
}

namespace {

/// Somebody outside waits for this call: the box stands still before it, and makes it when it goes
/// on.
Next stand_still(Thread &thread) {
  thread.kernel.awaited_call.reset();
  thread.kernel.frozen = true;
  thread.kernel.parked.push_back(thread.tid);
  thread.syscall_state.retrying = true;
  return Next::blocked;
}

/// prctl(2), SECCOMP_MODE_STRICT: "the only system calls that the thread is permitted to make are
/// read(2), write(2), _exit(2) (but not exit_group(2)), and sigreturn(2)".
bool is_allowed_in_strict_mode(u64 number) {
  return number == SYS_read || number == SYS_write || number == SYS_exit ||
         number == SYS_rt_sigreturn;
}

} // namespace

Next start_system_call(Thread &thread) {
  if (thread.must_exit) // its process ends, or another thread executes a program: no further call
                        // is made
    return deliver_pending_signals(thread);
  const u64 number = thread.cpu.gpr[cpu::rax];
  thread.syscall_number = static_cast<i64>(number);
  ++thread.kernel.counters.system_calls;
  if (thread.seccomp_mode == SECCOMP_MODE_STRICT && !is_allowed_in_strict_mode(number))
      [[unlikely]] {
    process::exit_thread(thread, process::killed_status(SIGKILL, false));
    return Next::exited;
  }
  if (thread.trace)
    return start_traced_call(thread);
  const Row *row = find_row(number);
  Call call = make_call(thread);
  if (thread.kernel.tracer)
    thread.kernel.tracer->entered(thread, call.arguments);
  if (thread.seccomp_filter) [[unlikely]]
    if (const std::optional<Next> next = filter_call(thread, false))
      return *next;
  if (row == nullptr || row->handler == nullptr)
    return complete_call(thread, -ENOSYS);
  if (thread.kernel.awaited_call == number) [[unlikely]]
    return stand_still(thread);
  return call_handler(thread, *row, call);
}

Next retry_system_call(Thread &thread) {
  thread.leave_all();
  if (thread.must_exit) // even from an uninterruptible wait, a vfork's
    return deliver_pending_signals(thread);
  const Row *row = find_row(static_cast<u64>(number_of_call(thread)));
  Call call = make_call(thread);
  return call_handler(thread, *row, call);
}

Next resume_thread(Thread &thread) {
  if (thread.trace && thread.trace->after != process::AfterStop::nothing)
    return leave_trace_stop(thread);
  return thread.syscall_state.retrying ? retry_system_call(thread)
                                       : deliver_pending_signals(thread);
}

Next deliver_pending_signals(Thread &thread) {
  if (thread.trace)
    return deliver_to_traced(thread);
  if (!thread.has_deliverable_signal()) {
    restore_mask(thread);
    return Next::guest;
  }
  const Delivery delivery = process::deliver_signals(thread, {});
  if (delivery == Delivery::handler)
    thread.syscall_state.saved_mask.reset();
  else if (delivery != Delivery::exited)
    restore_mask(thread);
  return next_after(delivery);
}

void Call::set_timeout(Nanoseconds timeout, bool is_wall_clock) const {
  if (!state().deadline) {
    const Nanoseconds now = time::TimerQueue::now();
    const Nanoseconds longest = (Nanoseconds{1} << 62) - now;
    state().deadline = now + (timeout < longest ? timeout : longest);
    state().deadline_is_wall_clock = is_wall_clock;
  }
  if (!thread.timeout.deadline() && !state().timed_out)
    thread.timeout.arm(*state().deadline);
}

} // namespace tine::syscall
