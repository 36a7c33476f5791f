// Stopping and continuing whole processes, and what the end of a session leader means to its
// terminal.
#include "fs/terminal.hpp"
#include "process/kernel.hpp"
#include "process/lifecycle.hpp"
#include "process/ptrace.hpp"
#include "process/signals.hpp"

namespace tine::process {

void stop_process(Process &process, int signal) {
  if (process.exiting)
    return;
  const bool is_first = !process.stopped;
  if (is_first) {
    process.stop_signal = signal;
    process.stop_reported = false;
    process.continue_reported = true;
  }
  process.stopped = true;
  for (const Ref<Thread> &thread : process.threads) {
    if (is_traced(*thread)) // may run although its process is stopped
      request_group_stop(*thread);
    else if (!is_first)
      continue;
    else if (thread->run_state() == sched::RunState::running)
      process.kernel.host.scheduler.kick(*thread);
    else
      process.kernel.host.scheduler.remove(*thread, sched::RunState::stopped);
  }
  // A parent that traces it learns of the stop as its tracer.
  if (is_first && (process.parent == nullptr || !traces_leader(*process.parent, process)))
    notify_parent(process, CLD_STOPPED, signal);
}

void continue_process(Process &process) {
  if (!process.stopped)
    return;
  process.stopped = false;
  process.stop_reported = true;
  process.continue_reported = false;
  for (const Ref<Thread> &thread : process.threads)
    if (is_traced(*thread))
      notify_group_continue(*thread);
    else if (thread->run_state() == sched::RunState::stopped)
      process.kernel.host.scheduler.make_runnable(*thread);
  notify_parent(process, CLD_CONTINUED, SIGCONT);
}

void hang_up_session(Process &leader) {
  Kernel &kernel = leader.kernel;
  fs::TerminalOwner *owner = leader.terminal ? fs::owner_of_terminal(*leader.terminal) : nullptr;
  Pid foreground;
  if (owner != nullptr && owner->session == leader.session) {
    foreground = owner->foreground;
    *owner = {};
  }
  for (const auto &[pid, process] : kernel.processes())
    if (process->session == leader.session)
      process->terminal = nullptr;
  if (!foreground.is_none())
    send_signal_to_group(kernel, foreground, kernel_signal(SIGHUP));
}

} // namespace tine::process
