// Sending, choosing and delivering signals.
#pragma once

#include "cpu/vcpu.hpp"
#include "process/process.hpp"

namespace tine::process {

/// kill(2) from the kernel or another process: to the process, a thread that can take it is woken.
void send_signal(Process &process, const siginfo_t &info);
/// tgkill(2).
void send_signal(Thread &thread, const siginfo_t &info);
/// To all processes of a process group; how many there were.
std::size_t send_signal_to_group(Kernel &kernel, Pid group, const siginfo_t &info);
/// A siginfo of the kernel (SI_KERNEL).
[[nodiscard]] siginfo_t kernel_signal(int signal);

/// A synchronous fault of the thread: delivered even if blocked or ignored (then it kills).
void raise_fault(Thread &thread, const cpu::Exit &exit);

enum class Delivery : u8 {
  none,      ///< nothing to deliver: go on
  handler,   ///< registers now enter a handler
  stopped,   ///< the thread must not run
  exited,    ///< the thread is dead
};
/// Called before a thread returns to guest code: takes pending signals and acts on them. `interrupted`
/// says that a system call was interrupted, and by which rule it is restarted.
struct InterruptedCall {
  i64 number = -1;         ///< -1: no system call was interrupted
  i64 result = 0;          ///< what rax holds if it isn't restarted (-EINTR)
  u8 rule = 0;             ///< syscall::Interrupt
};
[[nodiscard]] Delivery deliver_signals(Thread &thread, const InterruptedCall &interrupted);
/// rt_sigreturn: registers from the frame at the stack pointer. SIGSEGV if it is malformed.
void return_from_signal(Thread &thread);

} // namespace tine::process
