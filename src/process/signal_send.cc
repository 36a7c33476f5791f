// Sending signals: who may, what is dropped, which thread looks.
#include "process/signals.hpp"

#include "fs/caller.hpp"
#include "fs/event_files.hpp"
#include "process/kernel.hpp"
#include "process/lifecycle.hpp"
#include "process/namespaces.hpp"
#include "process/ptrace.hpp"

#include <algorithm>
#include <linux/capability.h>

namespace tine::process {
namespace {

bool is_ignored(const Thread &thread, int signal) {
  if (is_traced(thread)) // "tracers may want to know about even ignored signals"
    return false;
  const SignalAction &action = (*thread.handlers)[signal];
  if (action.handler == 1)
    return true;
  return action.handler == 0 && default_action(signal) == DefaultAction::ignore;
}

bool is_blocked(const Thread &thread, int signal) {
  return thread.signal_mask.contains(signal) || thread.waited_signals.contains(signal);
}

bool can_take(const Thread &thread, int signal) {
  return !thread.must_exit && !(thread.trace && thread.trace->stopped) &&
         (!thread.signal_mask.contains(signal) || thread.waited_signals.contains(signal));
}

/// The effects that a signal has when it is sent, before anyone takes it: signal(7), "stop signals
/// discard a pending SIGCONT, SIGCONT discards pending stop signals and continues the process even
/// if blocked or ignored".
void prepare(Process &process, int signal) {
  const bool stops = stop_signals.contains(signal);
  if (!stops && signal != SIGCONT)
    return;
  const SignalSet opposite = stops ? signal_set(SIGCONT) : stop_signals;
  process.pending.discard(opposite);
  for (const Ref<Thread> &thread : process.threads)
    thread->pending.discard(opposite);
  if (signal == SIGCONT)
    continue_process(process);
}

/// Real-time signals are counted against the limit; standard ones always fit, and so does one of
/// kill(2) that isn't pending yet (Linux then keeps the signal and loses the siginfo).
bool has_room(const Process &process, const PendingSignals &queue, const siginfo_t &info) {
  return info.si_signo < first_real_time_signal ||
         queue.size() < process.limit(RLIMIT_SIGPENDING) ||
         (info.si_code == SI_USER && !queue.set().contains(info.si_signo));
}

/// Whether si_pid and si_uid are those of a process, filled in by the kernel.
bool names_a_process(const siginfo_t &info) {
  return info.si_code == SI_USER || info.si_code == SI_TKILL || info.si_code == SI_MESGQ ||
         (info.si_signo == SIGCHLD && info.si_code >= CLD_EXITED && info.si_code <= CLD_CONTINUED);
}

/// With the sender's ids as the receiver's namespaces have them: "si_pid is 0 for a signal from
/// outside of the namespace" (pid_namespaces(7)).
siginfo_t as_seen_by(const Process &target, siginfo_t info) {
  const Thread *leader = target.leader();
  if (leader == nullptr || (!leader->namespaces && !user_namespace_of(*leader)) ||
      !names_a_process(info))
    return info;
  info.si_pid = shown_pid(*leader, Pid{info.si_pid}).value;
  info.si_uid = fs::shown_user(user_namespace_of(*leader), info.si_uid);
  return info;
}

/// pid_namespaces(7): "only signals for which the init process has established a signal handler can
/// be sent to it by other members of the namespace"; "SIGKILL or SIGSTOP from an ancestor namespace
/// … are forcibly delivered".
bool is_shielded(const Thread &target, const siginfo_t &sent) {
  const Process &process = *target.process;
  if (!process.is_unkillable || sent.si_signo == 0)
    return false;
  if (process.pid == Kernel::reaper_pid)
    return true;
  const int signal = sent.si_signo;
  if (!unblockable_signals.contains(signal))
    return (*target.handlers)[signal].handler == 0 && !is_blocked(target, signal);
  const fs::Caller *sender = sent.si_code != SI_KERNEL ? fs::current_caller() : nullptr;
  const PidNumbers &numbers = process.kernel.pid_numbers;
  return sender != nullptr &&
         is_within(numbers.space_of(sender->process()), numbers.space_of(process.pid));
}

/// The thread that is to act on a signal of the process: the leader if it can, else the first that
/// can.
Thread *choose_thread(const Process &process, int signal) {
  for (const Ref<Thread> &thread : process.threads)
    if (can_take(*thread, signal))
      return thread.get();
  return nullptr;
}

} // namespace

DefaultAction default_action(int signal) {
  switch (signal) {
  case SIGCHLD:
  case SIGURG:
  case SIGWINCH:
    return DefaultAction::ignore;
  case SIGCONT:
    return DefaultAction::ignore; // what it does, it did when it was sent
  case SIGSTOP:
  case SIGTSTP:
  case SIGTTIN:
  case SIGTTOU:
    return DefaultAction::stop;
  case SIGQUIT:
  case SIGILL:
  case SIGABRT:
  case SIGFPE:
  case SIGSEGV:
  case SIGBUS:
  case SIGSYS:
  case SIGTRAP:
  case SIGXCPU:
  case SIGXFSZ:
    return DefaultAction::core;
  default:
    return DefaultAction::terminate;
  }
}

siginfo_t kernel_signal(int signal) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_KERNEL;
  return info;
}

siginfo_t user_signal(int signal, int code, const Thread &sender) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = code;
  info.si_pid = sender.process->pid.value;
  info.si_uid = sender.credentials.uid;
  return info;
}

bool may_signal(const Thread &sender, const Process &target, int signal) {
  if (target.is_zombie() ||
      sender.credentials.capable_in(user_namespace_of(*target.leader()), CAP_KILL))
    return true;
  const fs::Credentials &from = sender.credentials;
  const fs::Credentials &to = target.leader()->credentials;
  if (from.euid == to.suid || from.euid == to.uid || from.uid == to.suid || from.uid == to.uid)
    return true;
  return signal == SIGCONT && sender.process->session == target.session;
}

Status queue_signal(Process &process, const siginfo_t &sent) {
  const siginfo_t info = as_seen_by(process, sent);
  const int signal = info.si_signo;
  if (process.exiting && signal == SIGKILL)
    kill_stopped_threads(process);
  if (process.is_zombie() || process.exiting || is_shielded(*process.leader(), sent))
    return Done{};
  prepare(process, signal);
  if (signal == SIGKILL) {
    exit_process(process, killed_status(SIGKILL, false));
    return Done{};
  }
  const Thread &leader = *process.leader();
  if (is_ignored(leader, signal) && !is_blocked(leader, signal))
    return Done{};
  if (!has_room(process, process.pending, info))
    return info.si_code == SI_USER ? Status(Done{}) : Errno{EAGAIN};
  process.pending.add(info);
  process.signal_queued.wake_all();
  process.kernel.file_signals->wake_signal_files(signal);
  if (Thread *thread = choose_thread(process, signal))
    thread->notify();
  return Done{};
}

Status queue_signal(Thread &thread, const siginfo_t &sent) {
  Process &process = *thread.process;
  const siginfo_t info = as_seen_by(process, sent);
  const int signal = info.si_signo;
  if (thread.must_exit || process.exiting || is_shielded(thread, sent))
    return Done{};
  prepare(process, signal);
  if (signal == SIGKILL) {
    exit_process(process, killed_status(SIGKILL, false));
    return Done{};
  }
  if (is_ignored(thread, signal) && !is_blocked(thread, signal))
    return Done{};
  if (!has_room(process, thread.pending, info))
    return Errno{EAGAIN};
  thread.pending.add(info);
  process.signal_queued.wake_all();
  process.kernel.file_signals->wake_signal_files(signal);
  if (can_take(thread, signal))
    thread.notify();
  return Done{};
}

void send_signal(Process &process, const siginfo_t &info) {
  (void)queue_signal(process, info);
}
void send_signal(Thread &thread, const siginfo_t &info) {
  (void)queue_signal(thread, info);
}

std::size_t send_signal_to_group(Kernel &kernel, Pid group, const siginfo_t &info) {
  std::vector<Ref<Process>> members;
  for (const auto &[pid, process] : kernel.processes())
    if (process->group == group)
      members.push_back(process);
  for (const Ref<Process> &process : members)
    send_signal(*process, info);
  return members.size();
}

void force_signal(Thread &thread, const siginfo_t &info) {
  const int signal = info.si_signo;
  const bool blocked = thread.signal_mask.contains(signal);
  if (blocked || (*thread.handlers)[signal].handler == 1)
    thread.handlers->writable(signal).handler = 0;
  if ((*thread.handlers)[signal].handler == 0)
    thread.process->is_unkillable = false; // force_sig_info_to_task
  thread.signal_mask.remove(signal);
  thread.pending.add(info);
  thread.notify();
}

void raise_fault(Thread &thread, const cpu::Exit &exit) {
  thread.last_fault = {exit.error_code, exit.trap_number, exit.address.value};
  if (thread.trace)
    show_step(thread, exit);
  siginfo_t info{};
  info.si_signo = exit.signal;
  info.si_code = exit.code;
  info.si_addr = reinterpret_cast<void *>(exit.address.value);
  force_signal(thread, info);
}

bool is_orphaned_group(Kernel &kernel, Pid group) {
  for (const auto &[pid, process] : kernel.processes()) {
    if (process->group != group || process->is_zombie())
      continue;
    // The main process's parent is outside of the box: a shell with job control, as far as it can
    // tell.
    if (process.get() == kernel.main_process())
      return false;
    const Process *parent = process->parent;
    if (parent != nullptr && parent->pid != Kernel::reaper_pid && parent->group != group &&
        parent->session == process->session)
      return false;
  }
  return true;
}

} // namespace tine::process
