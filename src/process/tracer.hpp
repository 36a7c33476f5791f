// Who is told of each system call of a box (`--strace`). Implemented above, in syscall/.
#pragma once

#include "base/types.hpp"

namespace tine::process {

class Thread;

class SystemCallTracer {
public:
  virtual ~SystemCallTracer() = default;
  /// The call is about to be made for the first time; its number is thread.syscall_number.
  virtual void entered(Thread &thread, const u64 (&arguments)[6]) = 0;
  /// It returned `value` (an errno negated), or, with `has_value` false, never returns (exit) or
  /// leaves the registers as they are (execve, rt_sigreturn).
  virtual void returned(Thread &thread, i64 value, bool has_value) = 0;
  /// The thread is about to handle or die of `signal`.
  virtual void signalled(Thread &thread, int signal) = 0;
};

} // namespace tine::process
