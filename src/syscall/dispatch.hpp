// From registers to a handler and back: the one place where system calls start, block, are
// interrupted and end.
#pragma once

#include "process/thread.hpp"

namespace tine::syscall {

/// What the thread does next.
enum class Next : u8 {
  guest,   ///< runs guest code
  blocked, ///< is on wait queues or has a deadline: it leaves its vCPU
  stopped, ///< by a signal
  exited,
};

/// The thread executed `syscall`: calls the handler for the first time. With the kernel lock.
[[nodiscard]] Next start_system_call(process::Thread &thread);
/// The thread blocked in a system call and was woken: calls the handler again.
[[nodiscard]] Next retry_system_call(process::Thread &thread);
/// The thread got a vCPU: it tries its blocked call again, leaves a ptrace-stop, or looks at its
/// signals.
[[nodiscard]] Next resume_thread(process::Thread &thread);
/// Acts on pending signals before the thread returns to guest code.
[[nodiscard]] Next deliver_pending_signals(process::Thread &thread);

} // namespace tine::syscall
