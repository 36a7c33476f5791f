// Dispositions, masks, waiting for signals.
#include "process/lifecycle.hpp"
#include "process/signals.hpp"
#include "syscall/guest_structs.hpp"
#include "syscall/handlers.hpp"

namespace tine::syscall {

using process::SignalAction;
using process::SignalSet;
using process::unblockable_signals;

// process/signal_deliver.cc can't include this layer; it knows the rule by its value.
static_assert(static_cast<u8>(Interrupt::restart) == 0);

namespace {

constexpr u64 signal_set_size = sizeof(SignalSet);

/// struct kernel_sigaction of x86-64: the mask is last.
struct GuestAction {
  u64 handler, flags, restorer, mask;
};

/// What was pending is dropped when it becomes ignored: sigaction(2), POSIX "setting a signal
/// action to SIG_IGN for a signal that is pending shall cause the pending signal to be discarded".
void discard_ignored(Call &call, int signal) {
  const SignalAction &action = (*call.thread.handlers)[signal];
  const bool ignored =
      action.handler == 1 ||
      (action.handler == 0 && process::default_action(signal) == process::DefaultAction::ignore);
  if (!ignored)
    return;
  call.process.pending.discard(process::signal_set(signal));
  for (const Ref<process::Thread> &thread : call.process.threads)
    thread->pending.discard(process::signal_set(signal));
}

/// Sleeps until a handler has run: pause and sigsuspend return nothing but EINTR.
SyscallResult sleep_until_handler() {
  return blocked(Interrupt::no_handler);
}

/// The signal that sigtimedwait takes, if one of `wanted` is pending.
bool take_wanted(Call &call, SignalSet wanted, siginfo_t &info) {
  return process::take_signal(call.thread, wanted, info);
}

} // namespace

SyscallResult sys_rt_sigaction(Call &call, int signal, GuestAddress action, GuestAddress old_action,
                               u64 size) {
  if (size != signal_set_size || signal < 1 || signal > process::highest_signal)
    return Errno{EINVAL};
  const SignalAction old = (*call.thread.handlers)[signal];
  if (!action.is_null()) {
    const auto given = TINE_TRY(call.memory.read_object<GuestAction>(action));
    if (unblockable_signals.contains(signal))
      return Errno{EINVAL};
    // sigaction(2), "Dynamically probing for flag bit support": what isn't known reads back clear.
    constexpr u64 restorer = 0x04000000, expose_tag_bits = 0x800;
    constexpr u64 known = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART |
                          SA_NODEFER | SA_RESETHAND | restorer | expose_tag_bits;
    call.thread.handlers->writable(signal) = {given.handler, given.flags & known, given.restorer,
                                              SignalSet{given.mask} & ~unblockable_signals};
    discard_ignored(call, signal);
  }
  if (!old_action.is_null())
    TINE_TRY(call.memory.write_object(
        old_action, GuestAction{old.handler, old.flags, old.restorer, old.mask.bits}));
  return 0;
}

SyscallResult sys_rt_sigprocmask(Call &call, int how, GuestAddress set, GuestAddress old_set,
                                 u64 size) {
  if (size != signal_set_size)
    return Errno{EINVAL};
  SignalSet &mask = call.thread.signal_mask;
  const SignalSet old = mask;
  if (!set.is_null()) {
    const SignalSet given =
        TINE_TRY(call.memory.read_object<SignalSet>(set)) & ~unblockable_signals;
    switch (how) {
    case SIG_BLOCK:
      mask = mask | given;
      break;
    case SIG_UNBLOCK:
      mask = mask & ~given;
      break;
    case SIG_SETMASK:
      mask = given;
      break;
    default:
      return Errno{EINVAL};
    }
  }
  if (!old_set.is_null())
    TINE_TRY(call.memory.write_object(old_set, old));
  return 0;
}

SyscallResult sys_rt_sigpending(Call &call, GuestAddress set, u64 size) {
  if (size > signal_set_size)
    return Errno{EINVAL};
  const SignalSet pending =
      (call.thread.pending.set() | call.process.pending.set()) & call.thread.signal_mask;
  return call.memory.write(set, std::as_bytes(std::span(&pending, 1)).first(size));
}

SyscallResult sys_rt_sigsuspend(Call &call, GuestAddress set, u64 size) {
  if (size != signal_set_size)
    return Errno{EINVAL};
  if (!call.state().retrying) {
    const SignalSet mask = TINE_TRY(call.memory.read_object<SignalSet>(set)) & ~unblockable_signals;
    call.state().saved_mask = call.thread.signal_mask;
    call.thread.signal_mask = mask;
  }
  return sleep_until_handler();
}

SyscallResult sys_pause(Call &) {
  return sleep_until_handler();
}

SyscallResult sys_rt_sigtimedwait(Call &call, GuestAddress set, GuestAddress info_address,
                                  GuestAddress timeout, u64 size) {
  if (size != signal_set_size)
    return Errno{EINVAL};
  const SignalSet wanted = TINE_TRY(call.memory.read_object<SignalSet>(set)) & ~unblockable_signals;
  call.thread.waited_signals = {};
  siginfo_t info{};
  if (take_wanted(call, wanted, info)) {
    if (!info_address.is_null())
      TINE_TRY(call.memory.write_object(info_address, info));
    return info.si_signo;
  }
  if (!timeout.is_null()) {
    const Nanoseconds limit = TINE_TRY(read_timespec(call.memory, timeout));
    if (limit == 0 || call.timed_out())
      return Errno{EAGAIN};
    call.set_timeout(limit);
  }
  // A signal that isn't waited for ends the call with EINTR; then nobody waits any more.
  if (!call.thread.has_deliverable_signal())
    call.thread.waited_signals = wanted;
  return blocked(Interrupt::no_restart);
}

SyscallResult sys_rt_sigreturn(Call &call) {
  process::return_from_signal(call.thread);
  return SyscallResult::special(SyscallResult::Kind::no_value);
}

SyscallResult sys_sigaltstack(Call &call, GuestAddress stack, GuestAddress old_stack) {
  struct GuestStack {
    u64 address;
    i32 flags;
    i32 padding;
    u64 size;
  };
  constexpr u32 on_stack = 1, disabled = 2, auto_disarm = u32{1} << 31;
  constexpr u64 smallest = 2048; // MINSIGSTKSZ
  process::Thread::AlternateStack &current = call.thread.alternate_stack;
  const u64 sp = call.thread.cpu.gpr[cpu::rsp];
  const bool is_on = (current.flags & auto_disarm) == 0 && current.size != 0 &&
                     sp > current.address && sp - current.address <= current.size;
  const process::Thread::AlternateStack old = current;
  if (!stack.is_null()) {
    const auto given = TINE_TRY(call.memory.read_object<GuestStack>(stack));
    if (is_on)
      return Errno{EPERM};
    const u32 mode = static_cast<u32>(given.flags) & ~auto_disarm;
    if (mode != 0 && mode != on_stack && mode != disabled)
      return Errno{EINVAL};
    if (mode == disabled)
      current = {0, 0, static_cast<u32>(given.flags)};
    else if (given.size < smallest)
      return Errno{ENOMEM};
    else
      current = {given.address, given.size, static_cast<u32>(given.flags)};
  }
  if (!old_stack.is_null()) {
    const u32 state = old.size == 0 ? disabled : is_on ? on_stack : 0;
    const GuestStack shown{old.address, static_cast<i32>(state | (old.flags & auto_disarm)), 0,
                           old.size};
    TINE_TRY(call.memory.write_object(old_stack, shown));
  }
  return 0;
}

/// restart_syscall(2) is made by the kernel alone; a blocked call here is tried again without it.
SyscallResult sys_restart_syscall(Call &) {
  return Errno{EINTR};
}

} // namespace tine::syscall
