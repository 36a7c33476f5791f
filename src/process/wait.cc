// What a parent learns of its children: SIGCHLD, wait4(2), waitid(2), and the reaping of zombies.
#include "process/lifecycle.hpp"
#include "process/ptrace.hpp"
#include "process/signals.hpp"
#include "process/timers.hpp"

#include <algorithm>
#include <sys/wait.h>

namespace tine::process {
namespace {

void add(ResourceUsage &sum, const ResourceUsage &usage) {
  sum.user_time += usage.user_time;
  sum.system_time += usage.system_time;
  sum.minor_faults += usage.minor_faults;
  sum.major_faults += usage.major_faults;
  sum.voluntary_switches += usage.voluntary_switches;
  sum.involuntary_switches += usage.involuntary_switches;
  sum.max_resident = std::max(sum.max_resident, usage.max_resident);
}

u32 uid_of(const Process &process) {
  return process.is_zombie() ? process.real_uid : process.leader()->credentials.uid;
}

siginfo_t child_signal(const Process &child, int signal, int code, int status) {
  constexpr Nanoseconds tick = 10'000'000; // clock_t of 100 Hz
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = code;
  info.si_pid = child.pid.value;
  info.si_uid = uid_of(child);
  info.si_status = status;
  info.si_utime = child.usage.user_time / tick;
  info.si_stime = child.usage.system_time / tick;
  return info;
}

/// Which children the id selects.
bool is_selected(const Process &child, const WaitRequest &request) {
  switch (request.kind) {
  case WaitKind::any:
    return true;
  case WaitKind::pid:
    return child.pid == request.id;
  case WaitKind::group:
    return child.group == request.id;
  }
  return false;
}

/// wait4(2): "__WCLONE: wait for 'clone' children only", those whose exit signal isn't SIGCHLD.
bool is_of_kind(const Process &child, int options) {
  if ((options & __WALL) != 0)
    return true;
  return ((static_cast<u32>(options) & __WCLONE) != 0) == (child.exit_signal != SIGCHLD);
}

bool has_changed(const Process &child, int options) {
  if (child.is_zombie())
    return (options & WEXITED) != 0;
  if (child.stopped && !child.stop_reported)
    return (options & WSTOPPED) != 0;
  return !child.continue_reported && (options & WCONTINUED) != 0;
}

/// Takes the change, unless WNOWAIT leaves it for later.
WaitedChild take_change(Process &child, int options) {
  const bool keep = (options & WNOWAIT) != 0;
  // Before it is reaped: that frees its numbers.
  const PidNumbers &numbers = child.kernel.pid_numbers;
  const Pid number = numbers.number(numbers.space_of(child.parent->pid), child.pid);
  WaitedChild result{number, uid_of(child), 0, 0, 0, child.usage};
  add(result.usage, child.children_usage);
  if (child.is_zombie()) {
    result.wait_status = child.exit_status;
    result.code = exit_code_of(child.exit_status);
    result.signal_status = exit_value_of(child.exit_status);
    if (!keep)
      reap_waited(child);
  } else if (child.stopped && !child.stop_reported) {
    result.wait_status = child.stop_signal << 8 | 0x7f;
    result.code = CLD_STOPPED;
    result.signal_status = child.stop_signal;
    child.stop_reported = !keep;
  } else {
    result.wait_status = 0xffff;
    result.code = CLD_CONTINUED;
    result.signal_status = SIGCONT;
    child.continue_reported = !keep;
  }
  return result;
}

} // namespace

int exit_code_of(int wait_status) {
  if (WIFEXITED(wait_status))
    return CLD_EXITED;
  return WCOREDUMP(wait_status) ? CLD_DUMPED : CLD_KILLED;
}

int exit_value_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : WTERMSIG(wait_status);
}

void reap(Process &zombie) {
  if (Process *parent = zombie.parent) {
    std::erase(parent->children, &zombie);
    zombie.parent = nullptr;
  }
  zombie.kernel.remove_process(zombie);
}

void reap_waited(Process &zombie) {
  add(zombie.parent->children_usage, zombie.usage);
  add(zombie.parent->children_usage, zombie.children_usage);
  reap(zombie);
}

void notify_parent(Process &child, int code, int status) {
  Process *parent = child.parent;
  if (parent == nullptr || parent->is_zombie())
    return;
  // sigaction(2): "SA_NOCLDSTOP: do not receive notification when child processes stop … or
  // resume".
  const SignalAction &action = (*parent->leader()->handlers)[SIGCHLD];
  if ((action.flags & SA_NOCLDSTOP) == 0)
    send_signal(*parent, child_signal(child, SIGCHLD, code, status));
  parent->child_changed.wake_all();
}

void notify_parent_of_exit(Process &zombie) {
  if (tell_tracer_of_exit(zombie))
    return; // "a zombie tracee is only visible to its tracer" until that has waited for it
  Process *parent = zombie.parent;
  if (parent == nullptr || parent->is_zombie()) {
    if (&zombie != zombie.kernel.main_process())
      reap(zombie);
    return;
  }
  bool wanted = true;
  if (zombie.exit_signal != 0) {
    const SignalAction &action = (*parent->leader()->handlers)[SIGCHLD];
    // wait4(2): "if the disposition of SIGCHLD is SIG_IGN or SA_NOCLDWAIT is set, children … do not
    // become zombies".
    if (zombie.exit_signal == SIGCHLD &&
        (action.handler == 1 || (action.flags & SA_NOCLDWAIT) != 0))
      wanted = false;
    send_signal(*parent, child_signal(zombie, zombie.exit_signal, exit_code_of(zombie.exit_status),
                                      exit_value_of(zombie.exit_status)));
  }
  if (!wanted && &zombie != zombie.kernel.main_process()) // whose status the box still needs
    reap(zombie);
  parent->child_changed.wake_all();
}

Result<WaitedChild> wait_for_child(Process &parent, const WaitRequest &request) {
  bool any = false;
  if (!parent.tracees.empty()) {
    const WaitedChild tracee = wait_for_tracee(parent, request, any);
    if (!tracee.pid.is_none())
      return tracee;
  }
  const auto look_at = [&](Process &child) {
    if (!is_selected(child, request) || !is_of_kind(child, request.options))
      return false;
    // A traced zombie, and all of its own tracees', a parent sees as their tracer or not yet.
    const bool hidden = child.end_delayed || !child.leader_tracer.is_none() ||
                        (!parent.tracees.empty() && traces_leader(parent, child));
    // "ECHILD": who asks for stops alone finds nothing to wait for in a zombie.
    any = any || hidden || !child.is_zombie() || (request.options & WEXITED) != 0;
    return !hidden && has_changed(child, request.options);
  };
  if (request.kind == WaitKind::pid) {
    Process *child = parent.kernel.find_process(request.id);
    if (child != nullptr && child->parent == &parent && look_at(*child))
      return take_change(*child, request.options);
  } else {
    for (Process *child : parent.children)
      if (look_at(*child))
        return take_change(*child, request.options);
  }
  if (!any)
    return Errno{ECHILD};
  return WaitedChild{};
}

} // namespace tine::process
