#include "syscall/thread_caller.hpp"

#include "process/kernel.hpp"
#include "process/namespaces.hpp"
#include "process/process.hpp"
#include "process/signals.hpp"

namespace tine::syscall {

Pid ThreadCaller::process() const {
  return thread_.process->pid;
}
Pid ThreadCaller::thread() const {
  return thread_.tid;
}
Pid ThreadCaller::group() const {
  return thread_.process->group;
}
Pid ThreadCaller::session() const {
  return thread_.process->session;
}

Ref<fs::File> ThreadCaller::controlling_terminal() const {
  return thread_.process->terminal;
}

void ThreadCaller::set_controlling_terminal(Ref<fs::File> terminal) {
  // A terminal is its session's: all processes of the session get it, or lose it with their leader.
  const Pid session = thread_.process->session;
  const bool is_leader = thread_.process->pid == session;
  if (!is_leader) {
    thread_.process->terminal = std::move(terminal);
    return;
  }
  for (const auto &[pid, process] : thread_.kernel.processes())
    if (process->session == session)
      process->terminal = terminal;
}

bool ThreadCaller::disregards(int signal) const {
  constexpr u64 ignore = 1; // SIG_IGN
  return thread_.signal_mask.contains(signal) || (*thread_.handlers)[signal].handler == ignore;
}

bool ThreadCaller::signal_group(Pid group, int signal) const {
  return process::send_signal_to_group(thread_.kernel, group, process::kernel_signal(signal)) != 0;
}

bool ThreadCaller::group_in_session(Pid group, Pid session) const {
  for (const auto &[pid, process] : thread_.kernel.processes())
    if (process->group == group)
      return process->session == session;
  return false;
}

bool ThreadCaller::take_signal(u64 set, void *info) {
  auto &result = *static_cast<siginfo_t *>(info);
  const process::SignalSet wanted{set};
  return process::take_signal(thread_, wanted, result);
}

u64 ThreadCaller::pending_signals() const {
  return thread_.pending.set().bits | thread_.process->pending.set().bits;
}

Pid ThreadCaller::shown(Pid pid) const {
  return process::shown_pid(thread_, pid);
}
Pid ThreadCaller::given(Pid number) const {
  return process::given_pid(thread_, number);
}

const fs::Path &ThreadCaller::root() const {
  return thread_.fs->root;
}

} // namespace tine::syscall
