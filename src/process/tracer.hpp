// Who is told of each system call of a box (`--strace`). Implemented above, in syscall/.
#pragma once

#include "base/types.hpp"

#include <csignal>
#include <span>
#include <string>

namespace tine::process {

class Thread;

/// Called with the kernel lock.
class SystemCallTracer {
public:
  virtual ~SystemCallTracer() = default;
  /// The box's first program was loaded: nobody called execve(2) for it.
  virtual void started(Thread &thread, const std::string &path,
                       std::span<const std::string> arguments,
                       std::span<const std::string> environment) = 0;
  /// The call is about to be made for the first time; its number is thread.syscall_number.
  virtual void entered(Thread &thread, const u64 (&arguments)[6]) = 0;
  /// It doesn't return yet: others run meanwhile. Told at each try.
  virtual void blocked(Thread &thread) = 0;
  /// It returned `value` (an errno negated), or, with `has_value` false, leaves the registers as
  /// they are (execve, rt_sigreturn).
  virtual void returned(Thread &thread, i64 value, bool has_value) = 0;
  /// A signal ends the call; `rule` (syscall::Interrupt) says whether it will be made again. If it
  /// goes on after all, entered() is told once more.
  virtual void interrupted(Thread &thread, u8 rule) = 0;
  /// The thread is about to handle or die of the signal.
  virtual void signalled(Thread &thread, const siginfo_t &info) = 0;
  /// The thread ends; `status` as wait4(2) reports it.
  virtual void exited(Thread &thread, int status) = 0;
};

} // namespace tine::process
