// seccomp(2), and what the filters do to the calls of a thread.
#include "process/seccomp.hpp"

#include "process/core_dump.hpp"
#include "process/lifecycle.hpp"
#include "process/ptrace.hpp"
#include "process/signals.hpp"
#include "syscall/dispatch_traced.hpp"
#include "syscall/handlers.hpp"

#include <algorithm>
#include <iterator>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/ptrace.h>

namespace tine::syscall {

using process::Thread;

namespace {

constexpr int from_seccomp = 1; // SYS_SECCOMP
constexpr u32 largest_errno = 4095;

/// struct sock_fprog.
struct FilterProgram {
  u16 length = 0;
  u16 padding[3]{};
  u64 instructions = 0;
};

SyscallResult set_filter(Call &call, u64 flags, GuestAddress address) {
  constexpr u64 known = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG |
                        SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
  if ((flags & ~known) != 0) // listeners, too
    return Errno{EINVAL};
  const auto described = TINE_TRY(call.memory.read_object<FilterProgram>(address));
  if (described.length == 0 || described.length > BPF_MAXINSNS)
    return Errno{EINVAL};
  Thread &thread = call.thread;
  if (!thread.no_new_privileges && !thread.credentials.capable_here(CAP_SYS_ADMIN))
    return Errno{EACCES};
  std::vector<sock_filter> program(described.length);
  TINE_TRY(call.memory.read(GuestAddress{described.instructions},
                            std::as_writable_bytes(std::span(program))));
  const bool synchronizes = (flags & SECCOMP_FILTER_FLAG_TSYNC) != 0;
  const Thread *other = synchronizes ? process::find_unsynchronizable(thread) : nullptr;
  if (other && (flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH) != 0)
    return Errno{ESRCH};
  if (other)
    return other->tid;
  TINE_TRY(process::add_seccomp_filter(thread, std::move(program)));
  if (synchronizes)
    process::synchronize_seccomp(thread);
  return 0;
}

SyscallResult action_is_available(Call &call, GuestAddress address) {
  constexpr u32 actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
                             SECCOMP_RET_ERRNO,        SECCOMP_RET_TRACE,       SECCOMP_RET_LOG,
                             SECCOMP_RET_ALLOW};
  const u32 action = TINE_TRY(call.memory.read_object<u32>(address));
  if (std::find(std::begin(actions), std::end(actions), action) == std::end(actions))
    return Errno{EOPNOTSUPP};
  return 0;
}

/// seccomp(2): "The system call is executed" or not; what happens instead.
siginfo_t signal_of(const Thread &thread, u32 data) {
  siginfo_t info{};
  info.si_signo = SIGSYS;
  info.si_code = from_seccomp;
  info.si_errno = static_cast<int>(data);
  info.si_call_addr = reinterpret_cast<void *>(thread.cpu.rip);
  info.si_syscall = static_cast<int>(thread.syscall_number);
  info.si_arch = AUDIT_ARCH_X86_64;
  return info;
}

/// "SECCOMP_RET_TRAP: ... the system call is not executed", and rax is the number still.
Next trap(Thread &thread, u32 data) {
  process::force_signal(thread, signal_of(thread, data));
  thread.cpu.gpr[cpu::rax] = static_cast<u64>(thread.syscall_number);
  if (thread.trace)
    return end_traced_call(thread, std::nullopt);
  forget_call(thread);
  return deliver_pending_signals(thread);
}

/// A core file only where the whole process ends, as by a signal without a handler.
Next kill(Thread &thread, bool whole_process) {
  if (!whole_process && thread.process->threads.size() > 1) {
    process::exit_thread(thread, process::killed_status(SIGSYS, false));
    return Next::exited;
  }
  const bool has_core =
      !thread.process->exiting && process::dump_core(thread, signal_of(thread, 0));
  process::exit_current_process(thread, process::killed_status(SIGSYS, has_core));
  return Next::exited;
}

} // namespace

std::optional<Next> filter_call(Thread &thread, bool was_traced) {
  const auto &gpr = thread.cpu.gpr;
  const seccomp_data data{
      static_cast<int>(thread.syscall_number),
      AUDIT_ARCH_X86_64,
      thread.cpu.rip,
      {gpr[cpu::rdi], gpr[cpu::rsi], gpr[cpu::rdx], gpr[cpu::r10], gpr[cpu::r8], gpr[cpu::r9]}};
  const u32 decision = thread.seccomp_filter->evaluate(data);
  const u32 value = decision & SECCOMP_RET_DATA;
  switch (decision & SECCOMP_RET_ACTION_FULL) {
  case SECCOMP_RET_ALLOW:
  case SECCOMP_RET_LOG: // nobody keeps a log
    return std::nullopt;
  case SECCOMP_RET_ERRNO:
    return complete_call(thread, -static_cast<i64>(std::min(value, largest_errno)));
  case SECCOMP_RET_TRAP:
    return trap(thread, value);
  case SECCOMP_RET_TRACE:
    if (was_traced)
      return std::nullopt;
    if (!process::is_traced(thread) || !thread.trace->has_option(PTRACE_O_TRACESECCOMP))
      return complete_call(thread, -i64{ENOSYS});
    thread.cpu.gpr[cpu::rax] = static_cast<u64>(-i64{ENOSYS});
    process::enter_trap_stop(thread, SIGTRAP | PTRACE_EVENT_SECCOMP << 8, value,
                             process::AfterStop::make_traced_call);
    return Next::stopped;
  case SECCOMP_RET_USER_NOTIF: // there are no listeners
    return complete_call(thread, -i64{ENOSYS});
  case SECCOMP_RET_KILL_THREAD:
    return kill(thread, false);
  default:
    return kill(thread, true);
  }
}

SyscallResult sys_seccomp(Call &call, int operation, u64 flags, GuestAddress address) {
  const bool takes_flags = operation == SECCOMP_SET_MODE_FILTER;
  if (!takes_flags && flags != 0)
    return Errno{EINVAL};
  switch (operation) {
  case SECCOMP_SET_MODE_STRICT:
    if (!address.is_null())
      return Errno{EINVAL};
    TINE_TRY(process::enter_strict_seccomp(call.thread));
    return 0;
  case SECCOMP_SET_MODE_FILTER:
    return set_filter(call, flags, address);
  case SECCOMP_GET_ACTION_AVAIL:
    return action_is_available(call, address);
  default:
    return Errno{EINVAL};
  }
}

} // namespace tine::syscall
