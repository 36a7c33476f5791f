// Sending, choosing and delivering signals.
#pragma once

#include "cpu/vcpu.hpp"
#include "process/process.hpp"

namespace tine::process {

/// kill(2) from the kernel or another process: to the process, a thread that can take it is woken.
/// Ids in a siginfo are the box's; the receiver sees them as its namespaces have them.
void send_signal(Process &process, const siginfo_t &info);
/// tgkill(2).
void send_signal(Thread &thread, const siginfo_t &info);
/// As above, for sigqueue(3): EAGAIN if RLIMIT_SIGPENDING leaves no room for a real-time signal.
[[nodiscard]] Status queue_signal(Process &process, const siginfo_t &info);
[[nodiscard]] Status queue_signal(Thread &thread, const siginfo_t &info);
/// To all processes of a process group; how many there were.
std::size_t send_signal_to_group(Kernel &kernel, Pid group, const siginfo_t &info);
/// A siginfo of the kernel (SI_KERNEL).
[[nodiscard]] siginfo_t kernel_signal(int signal);

/// A siginfo of kill(2) and tgkill(2): who sent it.
[[nodiscard]] siginfo_t user_signal(int signal, int code, const Thread &sender);
/// Whether `sender` may signal `target` (kill(2), EPERM).
[[nodiscard]] bool may_signal(const Thread &sender, const Process &target, int signal);
/// Delivered even if blocked or ignored: it then takes its default action.
void force_signal(Thread &thread, const siginfo_t &info);

/// What a signal does when nobody caught it, signal(7).
enum class DefaultAction : u8 { terminate, core, ignore, stop, cont };
[[nodiscard]] DefaultAction default_action(int signal);

/// Stops all threads of the process: a stop signal's default action. finish_stop tells the parent.
void stop_process(Process &process, int signal);
/// A thread of a process with a stop pending has left its vCPU: if it was the last one that ran,
/// the parent is told.
void finish_stop(Process &process);
/// SIGCONT: the threads go on where they were.
void continue_process(Process &process);
/// Whether no member of the group has a parent in another group of its session (setpgid(2),
/// termios).
[[nodiscard]] bool is_orphaned_group(Kernel &kernel, Pid group);

/// A synchronous fault of the thread: delivered even if blocked or ignored (then it kills).
void raise_fault(Thread &thread, const cpu::Exit &exit);

enum class Delivery : u8 {
  none,    ///< nothing to deliver: go on
  handler, ///< registers now enter a handler
  stopped, ///< the thread must not run
  exited,  ///< the thread is dead
};
/// Called before a thread returns to guest code: takes pending signals and acts on them.
/// `interrupted` says that a system call was interrupted, and by which rule it is restarted. After
/// `none` and `stopped` the call isn't over: it is tried again. After `handler` it is, and its
/// queues must be left.
struct InterruptedCall {
  i64 number = -1; ///< -1: no system call was interrupted
  i64 result = 0;  ///< what rax holds if it isn't restarted (-EINTR)
  u8 rule = 0;     ///< syscall::Interrupt
};
[[nodiscard]] Delivery deliver_signals(Thread &thread, const InterruptedCall &interrupted);
/// Dequeues the next pending signal of the thread or its process among `allowed`; false if there is
/// none.
[[nodiscard]] bool take_signal(Thread &thread, SignalSet allowed, siginfo_t &info);
/// Acts on a signal that was taken: runs its handler, or does what signal(7) lists. After `none` it
/// may have stopped the process.
[[nodiscard]] Delivery take_action(Thread &thread, const siginfo_t &info);
/// Writes the handler's frame and makes the registers enter it; EFAULT if the stack can't take it.
[[nodiscard]] Status enter_handler(Thread &thread, const SignalAction &action,
                                   const siginfo_t &info, SignalSet mask_to_restore);
/// rt_sigreturn: registers from the frame at the stack pointer. SIGSEGV if it is malformed.
void return_from_signal(Thread &thread);

} // namespace tine::process
