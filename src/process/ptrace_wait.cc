// What a tracer learns of its tracees' ends, and what becomes of them at its own.
#include "process/kernel.hpp"
#include "process/lifecycle.hpp"
#include "process/ptrace.hpp"

#include <algorithm>
#include <linux/ptrace.h>
#include <sys/wait.h>

namespace tine::process {
namespace {

Tracee *find_tracee(Process &tracer, Pid tid) {
  const auto found = std::find_if(tracer.tracees.begin(), tracer.tracees.end(),
                                  [tid](const Tracee &entry) { return entry.tid == tid; });
  return found == tracer.tracees.end() ? nullptr : &*found;
}

void tell_of_death(Process &tracer, const Tracee &entry, int signal, int status) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = exit_code_of(status);
  info.si_pid = entry.tid.value;
  info.si_uid = entry.uid;
  info.si_status = exit_value_of(status);
  if (signal != 0)
    send_signal(tracer, info);
  tracer.child_changed.wake_all();
}

/// The tracer is done with the zombie: it is its parent's now.
void give_back(Process &zombie) {
  zombie.leader_tracer = {};
  notify_parent_of_exit(zombie);
}

/// The tracer thread ends: "all tracees are automatically detached"; PTRACE_O_EXITKILL.
void free_tracees(Thread &tracer) {
  Kernel &kernel = tracer.kernel;
  Process &process = *tracer.process;
  std::vector<Tracee> own;
  for (const Tracee &entry : process.tracees)
    if (entry.tracer == tracer.tid)
      own.push_back(entry);
  std::erase_if(process.tracees, [&](const Tracee &entry) { return entry.tracer == tracer.tid; });
  for (const Tracee &entry : own) {
    if (entry.dead) {
      Process *zombie = kernel.find_process(entry.process);
      if (entry.tid != entry.process)
        kernel.release_pid(entry.tid);
      else if (zombie != nullptr && zombie->is_zombie())
        give_back(*zombie);
      else if (zombie != nullptr)
        zombie->leader_tracer = {};
      continue;
    }
    Thread *tracee = kernel.find_thread(entry.tid);
    if (tracee == nullptr || !is_traced(*tracee))
      continue;
    const bool kill = tracee->trace->has_option(PTRACE_O_EXITKILL);
    detach(*tracee, 0);
    if (kill)
      send_signal(*tracee->process, kernel_signal(SIGKILL));
  }
}

bool is_selected(const Kernel &kernel, const Tracee &entry, const WaitRequest &request) {
  if ((request.options & __WNOTHREAD) != 0 && entry.tracer != request.waiter)
    return false;
  switch (request.kind) {
  case WaitKind::any:
    return true;
  case WaitKind::pid:
    return entry.tid == request.id;
  case WaitKind::group: {
    const Process *process = kernel.find_process(entry.process);
    return process != nullptr && process->group == request.id;
  }
  }
  return false;
}

WaitedChild death_of(Pid pid, u32 uid, int status) {
  WaitedChild result;
  result.pid = pid;
  result.uid = uid;
  result.wait_status = status;
  result.code = exit_code_of(status);
  result.signal_status = exit_value_of(status);
  return result;
}

/// A dead thread, or a zombie whose leader was traced.
WaitedChild take_death(Process &tracer, const Tracee &entry, bool keep) {
  Kernel &kernel = tracer.kernel;
  const PidNumbers &numbers = kernel.pid_numbers;
  const Pid number = numbers.number(numbers.space_of(tracer.pid), entry.tid);
  if (entry.tid != entry.process) {
    const WaitedChild result = death_of(number, entry.uid, entry.exit_status);
    if (!keep) {
      kernel.release_pid(entry.tid);
      std::erase_if(tracer.tracees,
                    [tid = entry.tid](const Tracee &other) { return other.tid == tid; });
    }
    return result;
  }
  Process &zombie = *kernel.find_process(entry.process);
  WaitedChild result = death_of(number, zombie.real_uid, zombie.exit_status);
  result.usage = zombie.usage;
  if (keep)
    return result;
  std::erase_if(tracer.tracees,
                [tid = zombie.pid](const Tracee &other) { return other.tid == tid; });
  if (zombie.parent == &tracer)
    reap_waited(zombie);
  else
    give_back(zombie);
  return result;
}

/// "The stop is reported once": WNOWAIT leaves it.
WaitedChild take_stop(const Process &tracer, Thread &thread, bool keep) {
  TraceState &trace = *thread.trace;
  const PidNumbers &numbers = tracer.kernel.pid_numbers;
  WaitedChild result;
  result.pid = numbers.number(numbers.space_of(tracer.pid), thread.tid);
  result.uid = thread.credentials.uid;
  result.wait_status = trace.wait_code << 8 | 0x7f;
  result.code = CLD_TRAPPED;
  result.signal_status = trace.wait_code;
  result.usage = thread.process->usage;
  if (!keep)
    trace.wait_code = 0;
  return result;
}

bool has_died(const Kernel &kernel, const Tracee &entry) {
  if (!entry.dead || entry.tid != entry.process)
    return entry.dead;
  const Process *process = kernel.find_process(entry.process);
  return process != nullptr && process->is_zombie();
}

} // namespace

void trace_exit(Thread &thread, int status) {
  if (!thread.process->tracees.empty())
    free_tracees(thread);
  const Thread *tracer = tracer_of(thread);
  if (tracer == nullptr)
    return;
  Process &process = *tracer->process;
  Tracee *entry = find_tracee(process, thread.tid);
  thread.trace->tracer = {};
  if (entry == nullptr)
    return;
  entry->dead = true;
  entry->exit_status = status;
  entry->uid = thread.credentials.uid;
  if (thread.tid == thread.process->pid) {
    thread.process->leader_tracer = process.pid;
    return;
  }
  thread.kernel.hold_pid(thread.tid);
  tell_of_death(process, *entry, SIGCHLD, status);
}

bool tell_tracer_of_exit(Process &zombie) {
  if (zombie.leader_tracer.is_none())
    return false;
  Process *tracer = zombie.kernel.find_process(zombie.leader_tracer);
  const Tracee *entry =
      tracer != nullptr && !tracer->is_zombie() ? find_tracee(*tracer, zombie.pid) : nullptr;
  if (entry == nullptr) {
    zombie.leader_tracer = {};
    return false;
  }
  tell_of_death(*tracer, *entry, zombie.parent == tracer ? zombie.exit_signal : SIGCHLD,
                zombie.exit_status);
  return true;
}

WaitedChild wait_for_tracee(Process &tracer, const WaitRequest &request, bool &any) {
  Kernel &kernel = tracer.kernel;
  const bool keep = (request.options & WNOWAIT) != 0;
  for (const Tracee &entry : tracer.tracees) {
    if (!is_selected(kernel, entry, request))
      continue;
    if (!entry.dead) {
      any = true;
      Thread *thread = kernel.find_thread(entry.tid);
      if (thread != nullptr && thread->trace && thread->trace->stopped &&
          !thread->trace->listening && thread->trace->wait_code != 0)
        return take_stop(tracer, *thread, keep);
    } else {
      any = any || (request.options & (WEXITED | WCONTINUED)) != 0;
      if ((request.options & WEXITED) != 0 && has_died(kernel, entry))
        return take_death(tracer, entry, keep);
    }
  }
  return {};
}

} // namespace tine::process
