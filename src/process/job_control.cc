// Stopping and continuing whole processes, and what the end of a session leader means to its
// terminal.
#include "fs/terminal.hpp"
#include "process/kernel.hpp"
#include "process/lifecycle.hpp"
#include "process/ptrace.hpp"
#include "process/signals.hpp"

#include <algorithm>
#include <utility>

namespace tine::process {

namespace {

/// Whether the thread has done its part of the stop: Linux's task_participate_group_stop.
bool has_stopped(const Thread &thread) {
  if (is_traced(thread)) // may run although its process is stopped
    return !thread.trace->group_stop_pending;
  return thread.run_state() == sched::RunState::stopped;
}

/// A parent that traces the child learns of its stops as its tracer.
void tell_parent_of_stop(Process &process) {
  if (process.parent == nullptr || !traces_leader(*process.parent, process))
    notify_parent(process, CLD_STOPPED, process.stop_signal);
}

} // namespace

void stop_process(Process &process, int signal) {
  if (process.exiting)
    return;
  const bool is_first = !process.stopped;
  if (is_first) {
    process.stop_signal = signal;
    process.stop_pending = true;
    process.continue_reported = true;
  }
  process.stopped = true;
  for (const Ref<Thread> &thread : process.threads) {
    if (is_traced(*thread))
      request_group_stop(*thread);
    else if (!is_first)
      continue;
    else if (thread->run_state() == sched::RunState::running)
      process.kernel.host.scheduler.kick(*thread);
    else
      process.kernel.host.scheduler.remove(*thread, sched::RunState::stopped);
  }
}

void finish_stop(Process &process) {
  const auto has_stopped_too = [](const Ref<Thread> &thread) { return has_stopped(*thread); };
  if (!process.stopped ||
      !std::all_of(process.threads.begin(), process.threads.end(), has_stopped_too))
    return;
  process.stop_pending = false;
  process.stop_reported = false;
  tell_parent_of_stop(process);
}

void continue_process(Process &process) {
  if (!process.stopped)
    return;
  const bool was_pending = std::exchange(process.stop_pending, false);
  process.stopped = false;
  process.stop_reported = true;
  process.continue_reported = false;
  for (const Ref<Thread> &thread : process.threads)
    if (is_traced(*thread))
      notify_group_continue(*thread);
    else if (thread->run_state() == sched::RunState::stopped)
      process.kernel.host.scheduler.make_runnable(*thread);
  // Linux's prepare_signal: "The first thread which returns from do_signal_stop() will take … and
  // notify its parent", of the stop if that was under way.
  if (was_pending)
    tell_parent_of_stop(process);
  else
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
