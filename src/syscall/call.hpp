// A system call under way, as its handler sees it; and what a handler returns.
#pragma once

#include "base/result.hpp"
#include "process/kernel.hpp"
#include "process/process.hpp"
#include "process/thread.hpp"

namespace tine::syscall {

/// What becomes of a blocked call when a signal is to be handled (Linux's ERESTART* codes).
enum class Interrupt : u8 {
  restart,       ///< ERESTARTSYS: again if SA_RESTART, else EINTR
  no_restart,    ///< EINTR always (poll, select, epoll_wait, sigtimedwait...)
  no_handler,    ///< ERESTARTNOHAND: again unless a handler runs (sigsuspend, pause)
  restart_block, ///< ERESTART_RESTARTBLOCK: again with the remaining time (nanosleep)
  uninterruptible,
};

/// The value of a system call, an errno, or "not yet".
class SyscallResult {
public:
  SyscallResult(u64 value) : value_(static_cast<i64>(value)) {}
  SyscallResult(i64 value) : value_(value) {}
  SyscallResult(int value) : value_(value) {}
  SyscallResult(u32 value) : value_(value) {}
  SyscallResult(Errno error) : value_(-static_cast<i64>(error)) {}
  SyscallResult(Done) : value_(0) {}
  /// Returned as the caller's pid namespace numbers it.
  SyscallResult(Pid pid) : value_(pid.value), is_pid_(true) {}
  template <typename T> SyscallResult(const Result<T> &result) {
    if (!result.ok())
      value_ = -static_cast<i64>(result.error());
    else if constexpr (std::is_same_v<T, GuestAddress>)
      value_ = static_cast<i64>(result.value().value);
    else if constexpr (!std::is_same_v<T, Done>)
      value_ = static_cast<i64>(result.value());
  }

  enum class Kind : u8 {
    value,         ///< goes to rax
    blocked,       ///< the thread sleeps; the handler is called again when it is woken
    no_value,      ///< registers are as the handler left them (rt_sigreturn, execve)
    thread_exited, ///< the thread is dead
  };
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] i64 value() const { return value_; }
  [[nodiscard]] bool is_pid() const { return is_pid_; }
  [[nodiscard]] Interrupt interrupt() const { return interrupt_; }

  static SyscallResult special(Kind kind, Interrupt interrupt = Interrupt::restart) {
    SyscallResult result{0};
    result.kind_ = kind;
    result.interrupt_ = interrupt;
    return result;
  }

private:
  i64 value_ = 0;
  bool is_pid_ = false;
  Kind kind_ = Kind::value;
  Interrupt interrupt_ = Interrupt::restart;
};

/// The thread is registered on queues (Thread::wait_on) or has a deadline: sleep, then call again.
/// When a signal interrupts it, syscall_state.progress bytes already done win over the errno.
[[nodiscard]] inline SyscallResult blocked(Interrupt interrupt = Interrupt::restart) {
  return SyscallResult::special(SyscallResult::Kind::blocked, interrupt);
}

struct Call {
  process::Thread &thread;
  process::Process &process;
  process::Kernel &kernel;
  memory::AddressSpace &memory;
  u64 arguments[6];

  [[nodiscard]] process::SyscallState &state() const { return thread.syscall_state; }
  /// Arms the deadline on the first try; `timeout` in ns from now, which may have been found from a
  /// time of the wall clock.
  void set_timeout(Nanoseconds timeout, bool is_wall_clock = false) const;
  [[nodiscard]] bool timed_out() const { return thread.syscall_state.timed_out; }
};

using Handler = SyscallResult (*)(Call &);

/// Adapts a handler with typed arguments, `SyscallResult getpid(Call &)`,
/// `SyscallResult read(Call &, int fd, GuestAddress buffer, u64 count)`, to the table's type:
/// argument n is register n cut to the parameter's width, as the ABI has it.
template <auto Function> struct Adapt;
template <typename... Arguments, SyscallResult (*Function)(Call &, Arguments...)>
struct Adapt<Function> {
  template <typename T> static T convert(u64 value) {
    if constexpr (std::is_same_v<T, GuestAddress>)
      return GuestAddress{value};
    else
      return static_cast<T>(value);
  }
  template <std::size_t... Index>
  static SyscallResult invoke(Call &call, std::index_sequence<Index...>) {
    return Function(call, convert<Arguments>(call.arguments[Index])...);
  }
  static SyscallResult handler(Call &call) {
    return invoke(call, std::index_sequence_for<Arguments...>{});
  }
};

} // namespace tine::syscall
